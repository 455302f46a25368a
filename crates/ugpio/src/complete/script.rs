//! The scripts for shells: each hands the words up to the cursor to `ugpio complete`, and shows what that prints.

use crate::cli::Shell;

/// The script for a shell.
pub(crate) fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("ugpio.bash"),
        Shell::Zsh => include_str!("ugpio.zsh"),
        Shell::Fish => include_str!("ugpio.fish"),
    }
}
