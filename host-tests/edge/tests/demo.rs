//! The demo, as `make demo MODE=full` plays it.

use edge::demo::Demo;

#[tokio::test]
async fn every_answer_is_as_expected() -> anyhow::Result<()> {
    let demo = Demo::play().await?;
    anyhow::ensure!(demo.is_as_expected(), "the table says what is not");
    demo.end().await
}
