//! What the README shows of these commands is what they print.

use std::process::Command;

use crate::run::{PROGRAM, root};

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, part) = readme.split_once("\n## Replay\n").unwrap();
    let part = part.split_once("\n## ").map_or(part, |(part, _)| part);
    let folder = std::path::Path::new(PROGRAM).parent().unwrap().display();
    let mut commands = 0;
    for block in part.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for shown in block.split("$ ").skip(1) {
            let (command, printed) = shown.split_once('\n').unwrap();
            let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
            let output = Command::new("bash")
                .args(["-c", command])
                .env("PATH", path)
                .current_dir(root())
                .output()
                .unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(
                String::from_utf8_lossy(&output.stdout).trim_end(),
                printed.trim_end(),
                "{command}\n{stderr}"
            );
            commands += 1;
        }
    }
    assert_eq!(commands, 3, "commands of the README");
}
