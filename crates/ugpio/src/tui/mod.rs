//! The live board in a terminal: `ugpio run --tui`, and `ugpio ctl tui` for a run that is going.
//!
//! It is a client of the control socket like any other. [`run`] starts the run as another process, with
//! the program's output in a pseudo-terminal where it would have been in ours; [`attach`] looks at one
//! that was started elsewhere. Everything that can happen comes as a [`Happening`] over one channel, from
//! a thread each; the loop here draws. However it ends, the terminal is as it was.

mod app;
mod draw;
mod model;
mod output;
mod screen;

use std::ffi::OsString;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, IsTerminal, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event as Input};
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use ugpio_supervisor::launch::Ending;

use self::app::{Act, App};
use self::screen::Screen;
use crate::cli::status;
use crate::client::note;
use crate::control::client::{Client, ClientError};
use crate::control::protocol::{Hello, Request};
use crate::control::socket;
use crate::control::view::View;

/// How often waveforms move on.
const FRAME: Duration = Duration::from_millis(80);

/// How often rates are worked out.
const TICK: Duration = Duration::from_secs(1);

/// How long the end waits for output that is still on its way: another process may hold the terminal.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Everything that can happen to a terminal board.
enum Happening {
    Input(Input),
    Hello(Hello),
    View(View),
    /// The run has ended, or cannot be followed.
    Over(Option<ClientError>),
    Notice(String),
    Output(Vec<u8>),
    OutputEnded,
    Ended(ExitStatus),
    Signal(Signal),
}

type Channel = Sender<Happening>;

/// Runs `ugpio` as it was called with `--tui`, and shows it. `socket` is where its control socket was
/// asked for.
pub(crate) fn run(socket: Option<&Path>) -> ExitCode {
    match start(socket) {
        Ok(ending) => ending.reproduce(),
        Err(error) => {
            note(format_args!("--tui: {error}"));
            ExitCode::from(status::OWN_FAILURE)
        }
    }
}

fn start(asked: Option<&Path>) -> io::Result<Ending> {
    let socket = match asked {
        Some(path) => path.to_path_buf(),
        None => socket::place().map_err(io::Error::other)?,
    };
    let mut command = command(asked.is_none().then_some(&socket));
    let (channel, happenings) = mpsc::channel();
    let mut screen = Screen::open()?;
    let columns = screen.drawn().size().map_or(80, |size| size.width);
    let (child, output) = spawn(&mut command, columns)?;
    let pid = Pid::from_child(&child);
    let has_output = output.is_some();
    if let Some(output) = output {
        start_reading(output, channel.clone());
    }
    wait_for(child, channel.clone());
    let mut board = Board::start(&socket, channel, happenings, Some(pid), has_output)?;
    let ended = board.show(&mut screen);
    // The terminal is given back before anything is written to it.
    drop(screen);
    board.app.pane.write_to(&mut io::stdout())?;
    let ended = ended?.ok_or_else(|| io::Error::other("the run was lost"))?;
    let exited = ended.code().map(Ending::Exited);
    let killed = ended.signal().map(Ending::Signaled);
    Ok(exited.or(killed).unwrap_or(Ending::Exited(0)))
}

/// Shows a run that is going, until it ends or the person has seen enough.
///
/// # Errors
/// There is no terminal.
pub(crate) fn attach(socket: &Path) -> io::Result<()> {
    let (channel, happenings) = mpsc::channel();
    let mut screen = Screen::open()?;
    Board::start(socket, channel, happenings, None, false)?
        .show(&mut screen)
        .map(drop)
}

/// `ugpio` as it was called, but for `--tui`.
fn command(socket: Option<&PathBuf>) -> Command {
    let words: Vec<OsString> = std::env::args_os().collect();
    // The first is ours: what follows PROGRAM is not for us to look at.
    let place = words.iter().position(|word| word == "--tui");
    let (before, after) = words.split_at(place.unwrap_or(words.len()));
    let mut command = Command::new("/proc/self/exe");
    command.args(before.iter().skip(1));
    if let Some(path) = socket {
        command.arg("--socket").arg(path);
    }
    command.args(after.iter().skip(1));
    command
}

/// Starts the run, with the program's output in a pseudo-terminal where it would be in ours.
fn spawn(command: &mut Command, columns: u16) -> io::Result<(Child, Option<File>)> {
    if io::stdin().is_terminal() {
        command.stdin(Stdio::null());
    }
    let mut output = None;
    if io::stdout().is_terminal() || io::stderr().is_terminal() {
        let (ours, theirs) = output::pty(columns)?;
        if io::stdout().is_terminal() {
            command.stdout(theirs.try_clone()?);
        }
        if io::stderr().is_terminal() {
            command.stderr(theirs);
        }
        output = Some(ours);
    }
    Ok((command.spawn()?, output))
}

fn start_reading(mut output: File, channel: Channel) {
    thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        // The end is an error: no process has the other end open.
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if channel
                .send(Happening::Output(buffer[..count].to_vec()))
                .is_err()
            {
                return;
            }
        }
        let _ = channel.send(Happening::OutputEnded);
    });
}

fn wait_for(mut child: Child, channel: Channel) {
    thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = channel.send(Happening::Ended(status));
        }
    });
}

/// Follows the run on its socket; one that has just been started may not listen yet.
fn follow(path: PathBuf, is_starting: bool, channel: Channel) {
    thread::spawn(move || {
        let mut client = Client::connect(&path);
        while is_starting && client.is_err() {
            thread::sleep(Duration::from_millis(10));
            client = Client::connect(&path);
        }
        let error = client.and_then(|client| views(client, &channel)).err();
        let _ = channel.send(Happening::Over(error));
    });
}

fn views(mut client: Client, channel: &Channel) -> Result<(), ClientError> {
    let hello = client.call(&Request::Hello)?;
    let _ = channel.send(Happening::Hello(hello));
    for view in client.follow()? {
        let _ = channel.send(Happening::View(view?));
    }
    Ok(())
}

/// Asks the run, one request after the other, and tells what it refuses.
fn ask(path: PathBuf, requests: Receiver<Request>, channel: Channel) {
    thread::spawn(move || {
        let mut client = None;
        for request in requests {
            let result = match client.take().map_or_else(|| Client::connect(&path), Ok) {
                Ok(mut connected) => {
                    let result = connected.call::<serde_json::Value>(&request);
                    client = Some(connected);
                    result.map(drop)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                let _ = channel.send(Happening::Notice(error.to_string()));
            }
        }
    });
}

fn read_keys(channel: Channel) {
    thread::spawn(move || {
        while let Ok(input) = event::read() {
            if channel.send(Happening::Input(input)).is_err() {
                return;
            }
        }
        // The terminal has gone.
        let _ = channel.send(Happening::Signal(Signal::HUP));
    });
}

/// Takes the signals that ask to end: the terminal has to be given back first.
fn catch_signals(channel: Channel) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let mut streams = {
        let _inside = runtime.enter();
        let catch = |kind, as_what| signal(kind).map(|stream| (stream, as_what));
        [
            catch(SignalKind::hangup(), Signal::HUP)?,
            catch(SignalKind::interrupt(), Signal::INT)?,
            catch(SignalKind::quit(), Signal::QUIT)?,
            catch(SignalKind::terminate(), Signal::TERM)?,
        ]
    };
    thread::spawn(move || {
        runtime.block_on(poll_fn(|context| {
            for (stream, signal) in &mut streams {
                while let Poll::Ready(Some(())) = stream.poll_recv(context) {
                    if channel.send(Happening::Signal(*signal)).is_err() {
                        return Poll::Ready(());
                    }
                }
            }
            Poll::Pending
        }));
    });
    Ok(())
}

/// A board on the screen.
struct Board {
    app: App,
    happenings: Receiver<Happening>,
    requests: Sender<Request>,
    /// The run, if we started it.
    child: Option<Pid>,
    has_output: bool,
    ticked: Instant,
}

/// What the loop does next.
enum Next {
    Go,
    /// The run has ended so; nothing is known of one that was started elsewhere.
    End(Option<ExitStatus>),
}

impl Board {
    fn start(
        socket: &Path,
        channel: Channel,
        happenings: Receiver<Happening>,
        child: Option<Pid>,
        has_output: bool,
    ) -> io::Result<Board> {
        let (requests, asked) = mpsc::channel();
        catch_signals(channel.clone())?;
        ask(socket.to_path_buf(), asked, channel.clone());
        follow(socket.to_path_buf(), child.is_some(), channel.clone());
        read_keys(channel);
        Ok(Board {
            app: App::new(String::new(), has_output),
            happenings,
            requests,
            child,
            has_output,
            ticked: Instant::now(),
        })
    }

    /// Draws and does what is asked for until the end.
    fn show(&mut self, screen: &mut Screen) -> io::Result<Option<ExitStatus>> {
        loop {
            let acts = self.app.let_go(Instant::now());
            self.perform(acts);
            let since = self.ticked.elapsed();
            if since >= TICK {
                self.app.rate = self.app.model.tick(since.as_secs_f64());
                self.ticked = Instant::now();
            }
            let app = &mut self.app;
            screen.drawn().draw(|frame| draw::draw(frame, app))?;
            if let Next::End(status) = self.wait(Instant::now() + FRAME) {
                return Ok(status);
            }
        }
    }

    /// Takes what happens until it is time to draw; a key is drawn at once.
    fn wait(&mut self, until: Instant) -> Next {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let happening = match self.happenings.recv_timeout(left) {
                Ok(happening) => happening,
                Err(RecvTimeoutError::Timeout) => return Next::Go,
                Err(RecvTimeoutError::Disconnected) => return Next::End(None),
            };
            let is_input = matches!(happening, Happening::Input(_));
            let next = self.take(happening);
            if is_input || matches!(next, Next::End(_)) || left.is_zero() {
                return next;
            }
        }
    }

    fn take(&mut self, happening: Happening) -> Next {
        match happening {
            Happening::Input(Input::Key(key)) => {
                let acts = self.app.key(key);
                return self.perform(acts);
            }
            Happening::Input(_) | Happening::OutputEnded => {}
            Happening::Hello(hello) => self.app.program = hello.program,
            Happening::View(view) => {
                self.app.state = "live";
                self.app.model.take(view);
                if let Some(alarm) = self.app.model.alarm.take() {
                    self.app.notice = Some(alarm);
                }
            }
            Happening::Over(error) => {
                self.app.state = "ended";
                self.app.notice = error.map(|error| error.to_string());
                if self.child.is_none() {
                    return Next::End(None);
                }
            }
            Happening::Notice(text) => {
                if !text.is_empty() {
                    self.app.notice = Some(text);
                }
            }
            Happening::Output(bytes) => self.app.pane.feed(&bytes),
            Happening::Ended(status) => {
                self.take_last_words();
                return Next::End(Some(status));
            }
            Happening::Signal(signal) => return self.signal(signal),
        }
        Next::Go
    }

    /// The output that was written before the end may come after it.
    fn take_last_words(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        while self.has_output {
            let left = until.saturating_duration_since(Instant::now());
            match self.happenings.recv_timeout(left) {
                Ok(Happening::Output(bytes)) => self.app.pane.feed(&bytes),
                Ok(Happening::OutputEnded) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    fn perform(&mut self, acts: Vec<Act>) -> Next {
        for act in acts {
            let next = match act {
                Act::Ask(request) => {
                    // Its reader ends only with this process.
                    let _ = self.requests.send(request);
                    Next::Go
                }
                Act::Interrupt => self.signal(Signal::INT),
                Act::Quit => self.signal(Signal::TERM),
            };
            if matches!(next, Next::End(_)) {
                return next;
            }
        }
        Next::Go
    }

    /// Passes a signal on to the run, which ends by it or not; one that is not ours is ignored.
    fn signal(&mut self, signal: Signal) -> Next {
        let Some(pid) = self.child else {
            return Next::End(None);
        };
        // It may have just ended: the next message says so.
        let _ = kill_process(pid, signal);
        Next::Go
    }
}
