//! What `envoy-configs/redis/README.md` gives as plain commands leaves Redis as this program does.

use std::path::Path;

use backends::User;
use backends::resp::RespValue;

use crate::lab::{Lab, now};

/// The commands of each block of Redis commands in the README.
fn blocks() -> Vec<Vec<String>> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../envoy-configs/redis/README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let blocks = text.split("```redis\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.lines().map(str::to_owned).collect()).collect()
}

/// Keys, values and ends below a provider, then the members of its log, without the provider's name.
async fn state(lab: &Lab, provider: &str) -> Vec<String> {
    let RespValue::Array(keys) = lab.admin(&["KEYS", &format!("portcullis:rev:{{{provider}}}:???:*")]).await
    else {
        panic!("no list");
    };
    let mut state = Vec::new();
    for key in keys {
        let RespValue::Bulk(key) = key else { panic!("{key:?}") };
        let key = String::from_utf8(key).unwrap();
        let (value, expires) = (lab.get(&key).await.unwrap(), lab.expires(&key).await);
        state.push(format!("{} {value} {expires}", key.replace(provider, "")));
    }
    state.sort();
    state.extend(lab.members(provider).await);
    state
}

#[tokio::test]
async fn the_plain_commands_do_the_same() {
    let lab = Lab::start().await;
    let exp = (now() + 3600).to_string();
    let ours: [&[&str]; 3] = [
        &["revoke", "--jti", "a1", "--exp", &exp],
        &["revoke", "--sub", "alice@example.com", "--before", "1795340000", "--exp", &exp],
        &["revoke", "undo", "--jti", "a1"],
    ];
    let blocks = blocks();
    assert_eq!(blocks.len(), ours.len());
    for (commands, arguments) in blocks.iter().zip(ours) {
        let mut operator = lab.redis.connect(User::OperatorRevoke).await.unwrap();
        for command in commands {
            // The one time in the README that must lie ahead.
            let command = command.replace("1900000000", &exp);
            let answer = operator.command(&command.split(' ').collect::<Vec<_>>()).await.unwrap();
            assert_eq!(answer.error(), None, "{command}");
            if command == "EXEC" {
                assert!(!format!("{answer:?}").contains("Error"), "{answer:?}");
            }
        }
        lab.run(&[arguments, &["--provider", "other"]].concat()).ok();
        let (by_hand, by_program) = (state(&lab, "idp").await, state(&lab, "other").await);
        assert_eq!(by_hand, by_program, "{arguments:?}");
        assert!(!by_hand.is_empty());
    }
}
