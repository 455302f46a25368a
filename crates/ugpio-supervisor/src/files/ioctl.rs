//! `ioctl` of a GPIO file.

use gpio_uapi::Outcome;
use gpiolib::Errno;

use super::caller::Trapped;
use super::{Asked, Files, fail, operations};
use crate::outcome::Reply;

impl Files {
    /// Answers an ioctl; `Continue` if the descriptor is none of ours and no GPIO file of the machine.
    pub(crate) fn ioctl(&self, asked: &Asked<'_>) -> Reply {
        let Asked { thread, call, .. } = *asked;
        // Confirmed by each copy of the caller's memory: no ioctl does anything before its first.
        let Some(open) = self.find_unconfirmed(thread, call.int(0)) else {
            return operations::ioctl_of_another(thread, call);
        };
        if !call.is_value_ioctl()
            && let Some(reply) = operations::ioctl_of_every_file(thread, call)
        {
            return reply;
        }
        let mut caller = Trapped::new(self, thread, call);
        let cmd = call.uint(1);
        let time = self.time_if(open.file.needs_time(cmd));
        let outcome = open.file.ioctl(cmd, call.args[2], &mut caller, time);
        // Values do not change periods; a timer that an edge starts rings by itself.
        if !call.is_value_ioctl() && open.file.next_deadline().is_some() {
            self.timers.kick();
        }
        self.looked_on(&open, call, caller.refusal.take());
        self.gone_together(&open, outcome);
        match outcome {
            Outcome::Done(value) => Reply::Return(i64::try_from(value).unwrap_or(i64::MAX)),
            Outcome::Fail(errno) => fail(errno),
            // No ioctl waits.
            Outcome::Wait(_) => fail(Errno::EAGAIN),
        }
    }
}
