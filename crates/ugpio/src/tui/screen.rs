//! The terminal while the board has it, and as it was before whatever happens.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::sync::Once;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// The terminal that we draw on: the controlling one, whatever standard output is.
pub(super) type Drawn = Terminal<CrosstermBackend<BufWriter<File>>>;

/// The terminal is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    drawn: Drawn,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn open() -> io::Result<Screen> {
        let tty = || OpenOptions::new().read(true).write(true).open("/dev/tty");
        let no_terminal = |e| io::Error::other(format!("a terminal is needed: {e}"));
        let mut file = tty().map_err(no_terminal)?;
        restore_after_a_panic();
        enable_raw_mode()?;
        // From here on dropping it restores the terminal.
        let drawn = execute!(file, EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::new(file))));
        if drawn.is_err() {
            restore();
        }
        Ok(Screen { drawn: drawn? })
    }

    /// What to draw with.
    pub(super) fn drawn(&mut self) -> &mut Drawn {
        &mut self.drawn
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Makes the terminal what it was. What fails now cannot be helped.
fn restore() {
    let _ = disable_raw_mode();
    if let Ok(mut tty) = OpenOptions::new().write(true).open("/dev/tty") {
        let _ = execute!(tty, LeaveAlternateScreen, Show);
        let _ = tty.flush();
    }
}

/// A panic is a fault of ours; its message should still be read.
fn restore_after_a_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            usual(info);
        }));
    });
}
