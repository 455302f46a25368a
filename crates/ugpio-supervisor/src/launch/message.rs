//! What the supervisor tells the front over their link: one message a packet.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustix::process::Pid;

use super::ending::{Ending, Failure};

/// The longest packet.
const MAX: usize = 2048;

/// One message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Message {
    /// The program has this process id, the supervisor that one.
    Started { program: Pid, supervisor: Pid },
    /// This signal stopped the program.
    Stopped(i32),
    /// A line for standard error.
    Note(String),
    /// The program has ended, or never started; nothing follows. If it `is_last`, all of the run is over with it.
    Ended { ending: Ending, is_last: bool },
}

impl Message {
    /// Sends without blocking: a front that does not read does not hold up the supervisor.
    pub(super) fn send(&self, link: BorrowedFd<'_>) -> Result<(), Errno> {
        send(
            link,
            &self.encode(),
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        )
        .map(drop)
    }

    /// The next message, `None` when the other end is closed.
    pub(super) fn receive(link: BorrowedFd<'_>) -> Result<Option<Self>, Errno> {
        let mut buf = [0; MAX];
        let (len, _) = recv(link, &mut buf, RecvFlags::empty())?;
        Ok(Self::decode(&buf[..len]))
    }

    fn encode(&self) -> Vec<u8> {
        let numbers = |kind, numbers: &[i32]| {
            let mut bytes = vec![kind];
            numbers
                .iter()
                .for_each(|number| bytes.extend(number.to_le_bytes()));
            bytes
        };
        match self {
            Self::Started {
                program,
                supervisor,
            } => numbers(
                b'p',
                &[
                    program.as_raw_nonzero().get(),
                    supervisor.as_raw_nonzero().get(),
                ],
            ),
            Self::Stopped(signal) => numbers(b't', &[*signal]),
            Self::Note(line) => {
                let text = line.as_bytes();
                [b"n", &text[..text.len().min(MAX - 1)]].concat()
            }
            Self::Ended {
                ending: Ending::Exited(code),
                is_last,
            } => numbers(b'e', &[*code, (*is_last).into()]),
            Self::Ended {
                ending: Ending::Signaled(signal),
                is_last,
            } => numbers(b's', &[*signal, (*is_last).into()]),
            Self::Ended {
                ending: Ending::Failed(failure),
                is_last,
            } => {
                let text = failure.message.as_bytes();
                [
                    &[b'f', failure.code, (*is_last).into()],
                    &text[..text.len().min(MAX - 3)],
                ]
                .concat()
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (&kind, rest) = bytes.split_first()?;
        let number = |at: usize| Some(i32::from_le_bytes(*rest.get(4 * at..)?.first_chunk()?));
        let pid = |at| Pid::from_raw(number(at)?);
        Some(match kind {
            b'p' => Self::Started {
                program: pid(0)?,
                supervisor: pid(1)?,
            },
            b't' => Self::Stopped(number(0)?),
            b'n' => Self::Note(String::from_utf8_lossy(rest).into_owned()),
            b'e' => Self::Ended {
                ending: Ending::Exited(number(0)?),
                is_last: number(1)? != 0,
            },
            b's' => Self::Ended {
                ending: Ending::Signaled(number(0)?),
                is_last: number(1)? != 0,
            },
            b'f' => {
                let (&[code, last], text) = rest.split_first_chunk()?;
                let message = String::from_utf8_lossy(text).into_owned();
                Self::Ended {
                    ending: Ending::Failed(Failure { code, message }),
                    is_last: last != 0,
                }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpid;

    use super::*;

    #[test]
    fn messages_survive_the_link() {
        let failure = Failure {
            code: 127,
            message: "prog: not found".into(),
        };
        let messages = [
            Message::Started {
                program: getpid(),
                supervisor: Pid::INIT,
            },
            Message::Stopped(20),
            Message::Note("4 changes were lost".into()),
            Message::Ended {
                ending: Ending::Exited(3),
                is_last: true,
            },
            Message::Ended {
                ending: Ending::Signaled(9),
                is_last: false,
            },
            Message::Ended {
                ending: Ending::Failed(failure),
                is_last: true,
            },
        ];
        for message in messages {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn nonsense_is_no_message() {
        for bytes in [&b""[..], b"p", b"p123", b"t1", b"x", b"f"] {
            assert_eq!(Message::decode(bytes), None);
        }
    }

    #[test]
    fn long_failures_are_cut() {
        let failure = Failure::own("x".repeat(2 * MAX));
        let message = Message::Ended {
            ending: Ending::Failed(failure),
            is_last: true,
        };
        assert_eq!(message.encode().len(), MAX);
    }
}
