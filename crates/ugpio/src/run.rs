//! `ugpio run`: a program on a board of its own.
//!
//! [`main`] reads the board and makes the control socket while there is one process and every mistake
//! can still be a plain error. After `launch` the front only waits. The supervisor plugs the board in,
//! lets a [`World`] answer the program's calls on threads of its own, and serves control on a tokio loop
//! of one thread, which also steps the [`Session`] until the last process of the run has ended.

use std::io::{self, IsTerminal as _};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use gpiolib::Registry;
use rustix::process::Rlimit;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::{LocalSet, spawn_local};
use tracing_subscriber::filter::LevelFilter;
use ugpio_supervisor::filter::FilterSpec;
use ugpio_supervisor::launch::{
    Ending, Failure, LaunchOptions, Launched, Leftover, Session, SessionEvent, launch, limits,
};
use ugpio_supervisor::notif::{self, Dispatch, Dispatcher};
use ugpio_supervisor::shadow;
use ugpio_supervisor::world::{Extras, World};

use crate::attentive::Attentive;
use crate::board::Board;
use crate::chaos::report::Reporter;
use crate::clean::clean;
use crate::cli::run::Args;
use crate::cli::status;
use crate::client;
use crate::clockwork::Clockwork;
use crate::control::inlet;
use crate::control::plugged::{Chance, Plugged, Shared};
use crate::control::protocol::{Hello, VERSION};
use crate::control::server::{self, Hub};
use crate::control::socket::{self, Bound};
use crate::counted::counted;
use crate::release::Shown;
use crate::trace::session::{Tracing, Wish};
use crate::tree::SimTree;
use crate::web;

/// Said to a person who starts a run without any chip.
const EMPTY: &str = "the board is empty; --chip LABEL[:LINES] or --board FILE.toml plugs chips in";

/// What remains to be done when the program has ended.
struct Ends {
    tracing: Tracing,
    reporter: Option<Reporter>,
}

/// What the supervisor needs besides its session.
#[derive(Debug)]
struct Run {
    board: Board,
    bound: Bound,
    hello: Hello,
    /// The directory of the shadow tree; the guardian removes it.
    shadow: shadow::Place,
    /// The live board, if there is one.
    web: Option<web::Bound>,
    /// Where the chance of the run comes from.
    chance: Chance,
    /// Where to write what went wrong.
    report: Option<PathBuf>,
    /// The kernel release that the run shows and behaves as.
    release: Shown,
    /// What is to be recorded, played and compared.
    wish: Wish,
    /// Whether every difference from Linux is to be hidden.
    is_strict: bool,
    /// The descriptor numbers on which reads are trapped.
    read_numbers: Range<i32>,
}

/// Runs a program. Comes back in the front when the program has ended, and in the supervisor when the
/// last process of the run has.
pub(crate) fn main(args: &Args) -> ExitCode {
    let prepared = limits::proc()
        .and_then(|()| limits::raise_descriptors())
        .and_then(|limit| prepare(args, limit));
    let (run, options) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => {
            client::note(&failure);
            return ExitCode::from(failure.code);
        }
    };
    log(args.verbose);
    // Only for people: what PROGRAM makes for itself in the gpio-sim tree needs none of it.
    if run.board.chips.is_empty() && io::stderr().is_terminal() {
        client::note(EMPTY);
    }
    if let Some(web) = &run.web {
        announce(web);
    }
    match launch(options) {
        Ok(Launched::Front(front)) => {
            // The supervisor listens and serves.
            drop(run.web);
            run.bound.leave();
            front.wait().reproduce()
        }
        Ok(Launched::Supervisor(session)) => supervise(session, run),
        Err(failure) => {
            client::note(&failure);
            // A directory that cannot be removed stays.
            let _ = shadow::remove(run.shadow.path());
            ExitCode::from(failure.code)
        }
    }
}

/// Does everything that can go wrong before there is a second process.
fn prepare(args: &Args, descriptors: Rlimit) -> Result<(Run, LaunchOptions), Failure> {
    let own = |error: &dyn std::error::Error| Failure::own(error.to_string());
    let Some((program, rest)) = args.command.split_first() else {
        return Err(Failure {
            code: status::USAGE,
            message: "PROGRAM is missing".into(),
        });
    };
    let release = Shown::wanted(args.kernel_release.as_deref()).map_err(|e| own(&e))?;
    let board = Board::load(args.board.as_deref(), &args.chips).map_err(|e| own(&e))?;
    let wish = Wish::of(args, &board).map_err(Failure::own)?;
    let bound = socket::bind(args.socket.as_deref(), &socket::directory()).map_err(|e| own(&e))?;
    let web = args.web.map(web::bind).transpose().map_err(|e| own(&e))?;
    let shadow = shadow::place().map_err(|e| {
        Failure::own(format!(
            "no writable directory for virtual files: {}; set XDG_RUNTIME_DIR or TMPDIR to one, or ask `ugpio doctor`",
            limits::because_of(&e)
        ))
    })?;
    let hello = Hello {
        protocol: VERSION,
        ugpio: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        program: program.to_string_lossy().into_owned(),
    };
    let mut options = LaunchOptions::new(program);
    let read_numbers = read_numbers(descriptors);
    options.descriptors = Some(descriptors);
    let trapped = read_numbers.start.cast_unsigned()..read_numbers.end.cast_unsigned();
    options.filter = filter(args, &release).read_from(trapped);
    options.args = rest.to_vec();
    options.env = vec![(socket::ENV.into(), bound.path().into())];
    options.leftover = match (args.wait, args.kill) {
        (true, _) => Leftover::Wait,
        (_, true) => Leftover::Kill,
        _ => Leftover::Leave,
    };
    options.keep_stderr = args.verbose > 0;
    options.hold_front = wish.has_verdict() || args.report.is_some();
    // The socket as well: killed, this process could not remove it.
    options.remove_at_end = vec![shadow.path().to_owned(), bound.path().into()];
    Ok((
        Run {
            board,
            bound,
            hello,
            shadow,
            web,
            chance: chance(args),
            report: args.report.clone(),
            release,
            wish,
            is_strict: args.strict,
            read_numbers,
        },
        options,
    ))
}

/// Where the chance of the run comes from.
fn chance(args: &Args) -> Chance {
    Chance {
        seed: args.seed,
        is_chaotic: args.chaos,
    }
}

/// Which calls are trapped.
fn filter(args: &Args, release: &Shown) -> FilterSpec {
    let mut filter = FilterSpec::standard().with_tree().with_uevents();
    if args.lint.is_some() {
        filter = filter.with_lint();
    }
    if args.strict {
        filter = filter.strict();
    }
    if release.text.is_some() {
        filter = filter.with_release();
    }
    filter
}

/// Says where the live board is, before PROGRAM can say anything.
fn announce(web: &web::Bound) {
    if let Some(warning) = web.warning() {
        client::note(warning);
    }
    match web.link() {
        Ok(link) => client::note(format_args!("live board: {link}")),
        Err(error) => client::note(format_args!("no link to the live board: {error}")),
    }
}

/// The highest descriptor numbers that the program may have and that `select` can take: seldom in use.
fn read_numbers(descriptors: Rlimit) -> Range<i32> {
    /// How many files of the legacy class one program can poll.
    const COUNT: u64 = 64;
    /// KERNEL: include/uapi/linux/posix_types.h __FD_SETSIZE
    const SETSIZE: u64 = 1024;
    let end = descriptors.current.unwrap_or(SETSIZE).min(SETSIZE);
    let start = end - COUNT.min(end / 4);
    let number = |number| i32::try_from(number).unwrap_or(i32::MAX);
    number(start)..number(end)
}

/// Lets the supervisor talk, as much as it was asked to: once for what matters, twice for every call.
fn log(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .finish();
    // Fails only if there is a subscriber already, and there is none.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// Answers the program until its last process has ended. Runs in the supervisor.
fn supervise(mut session: Session, mut run: Run) -> ExitCode {
    let registry = Registry::of_release(run.release.release, server::now);
    let wish = core::mem::take(&mut run.wish);
    let (hub, dispatcher, ends) = match answer(&session, &registry, &run, wish) {
        Ok(answering) => answering,
        Err(failure) => {
            drop(run.bound);
            session.fail(failure)
        }
    };
    if let Err(error) = serve(&mut session, &run.bound, run.web, hub, &ends) {
        drop(run.bound);
        let why = limits::because_of(&error);
        session.fail(Failure::own(format!("cannot go on: {why}")));
    }
    tracing::info!("{} trapped", counted(dispatcher.calls(), "call"));
    ExitCode::SUCCESS
}

/// Plugs the board in and starts to answer the program's calls, which wait for it.
fn answer(
    session: &Session,
    registry: &Registry,
    run: &Run,
    wish: Wish,
) -> Result<(Rc<Hub>, Dispatcher, Ends), Failure> {
    let fail = |what: &str, error: &io::Error| {
        Failure::own(format!("{what}: {}", limits::because_of(error)))
    };
    let plugged = Plugged::new(registry, &run.board, run.chance, server::now())
        .map_err(|e| Failure::own(format!("cannot plug the board in: {e}")))?;
    let plugged = Shared::new(plugged);
    let clockwork = Clockwork::start(&plugged).map_err(|e| fail("cannot start a thread", &e))?;
    let tracing = wish
        .start(&plugged, &clockwork)
        .map_err(|e| fail("cannot start a thread", &e))?;
    let extras = Extras {
        tree: Some(Arc::new(SimTree::new(plugged.clone()))),
        release: run.release.text.clone(),
        is_strict: run.is_strict,
        read_numbers: run.read_numbers.clone(),
        files: run.board.machine.files(),
    };
    let world = World::with(registry.clone(), run.shadow.path(), extras)
        .map_err(|e| fail("cannot make the virtual files", &e))?;
    let world = Arc::new(world);
    if let Some(mounted) = world.mounted() {
        plugged.borrow().lines().show_in(Arc::downgrade(mounted));
    }
    tracing.look_on(world.files());
    world.files().keep_time(clockwork);
    let answers: Arc<dyn Dispatch> = Arc::new(Attentive::new(&world, &plugged));
    let dispatcher =
        notif::start(session.listener(), answers).map_err(|e| fail("cannot start a thread", &e))?;
    for chip in &plugged.borrow().list().chips {
        tracing::info!(
            "{} {:?} has {}",
            chip.name,
            chip.label,
            counted(chip.lines.len(), "line")
        );
    }
    let reporter = run.report.clone().map(|path| Reporter {
        path,
        plugged: plugged.clone(),
        world: Arc::clone(&world),
    });
    let closed = Arc::clone(&world);
    let settle = move || {
        closed.files().reap();
        closed.files().sweep_gone();
        closed.files().is_empty()
    };
    let hub = Hub::new(plugged, run.hello.clone(), Box::new(settle));
    if let Some(tap) = tracing.tap() {
        hub.tap(tap);
    }
    Ok((hub, dispatcher, Ends { tracing, reporter }))
}

/// Serves control and steps the session until the last process of the run has ended.
fn serve(
    session: &mut Session,
    bound: &Bound,
    web: Option<web::Bound>,
    hub: Rc<Hub>,
    ends: &Ends,
) -> io::Result<()> {
    let listener = bound.listener()?;
    listener.set_nonblocking(true)?;
    tracing::info!("control socket {}", bound.path().display());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        spawn_local(server::serve(listener, Rc::clone(&hub)));
        if let Some(web) = web {
            serve_web(web, &hub);
        }
        follow(session, &hub, ends).await?;
        hub.end().await;
        conclude(session, &hub, ends);
        Ok(())
    })
}

/// Serves the live board next to the control socket.
fn serve_web(web: web::Bound, hub: &Rc<Hub>) {
    let (inlet, calls) = inlet::inlet();
    hub.set_link(Box::new(web.linker()));
    spawn_local(inlet::serve(calls, Rc::clone(hub)));
    spawn_local(async move {
        if let Err(error) = web.serve(inlet).await {
            tracing::error!("no live board: {error}");
        }
    });
}

/// Steps the session whenever something has happened, until the last process has ended.
async fn follow(session: &mut Session, hub: &Hub, ends: &Ends) -> io::Result<()> {
    let ready = listen(session.as_fd())?;
    loop {
        while let Some(event) = session.step() {
            match event {
                SessionEvent::ProgramEnded(ending) => {
                    tracing::info!("the program {ending}");
                    hub.program_ended();
                    if !session.is_front_to_wait() {
                        conclude(session, hub, ends);
                    }
                }
                SessionEvent::AllEnded => return Ok(()),
            }
        }
        // Cleared before the next step, so that what comes during it is not missed.
        ready.readable().await?.clear_ready();
    }
}

/// Finishes what is recorded so far, says what has come of it, and lets the front end.
fn conclude(session: &mut Session, hub: &Hub, ends: &Ends) {
    hub.catch_up();
    let written = ends.reporter.as_ref().map_or(Ok(()), Reporter::write);
    if let Err(error) = written {
        session.say(&format!("the report cannot be written: {error}"));
    }
    let verdict = ends.tracing.verdict();
    if session.is_concluded() {
        return;
    }
    for note in &verdict.notes {
        session.say(&clean(note));
    }
    let is_success = session.ending() == Some(&Ending::Exited(0));
    let instead = Ending::Exited(status::NO.into());
    session.conclude((verdict.is_failure && is_success).then_some(instead));
}

/// Watches a descriptor on the tokio loop; it stays with its owner, ours is a duplicate.
fn listen(file: BorrowedFd<'_>) -> io::Result<AsyncFd<OwnedFd>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; an OwnedFd is what that asks for"
    )]
    AsyncFd::with_interest(file.try_clone_to_owned()?, Interest::READABLE)
}
