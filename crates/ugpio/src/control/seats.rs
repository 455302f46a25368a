//! Seats for connections: their number, and which connection gives way to a newcomer.
//!
//! [`Seats`] is used by the control socket and by the live board's web server. Whoever does something has
//! its [`Seat`] for as long as that takes; who merely sits there gives it up, the longest idle first, so
//! that idle connections lock no client out.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// How many seats there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// In all.
    pub(crate) most: usize,
    /// Idle ones of one party.
    pub(crate) idle_of_one: usize,
    /// Seats that are never held for long, so that a client with one request finds one.
    pub(crate) reserve: usize,
}

/// The seats of a server. `P` tells the parties apart that connect.
#[derive(Debug)]
pub(crate) struct Seats<P> {
    limits: Limits,
    table: Arc<Mutex<Table<P>>>,
}

#[derive(Debug)]
struct Table<P> {
    /// Of the next seat, and of the next moment at which one falls idle.
    next: u64,
    taken: Vec<Taken<P>>,
}

#[derive(Debug)]
struct Taken<P> {
    id: u64,
    party: P,
    /// Since when nothing is done there; `None` while something is.
    idle_since: Option<u64>,
    /// Dropped when the seat is to be given up.
    _kept: oneshot::Sender<()>,
}

/// A seat; it is free again when this is dropped.
pub(crate) struct Seat {
    id: u64,
    reserve_from: usize,
    table: Arc<dyn Places>,
}

/// Comes when a seat is to be given up.
pub(crate) type GivenUp = oneshot::Receiver<()>;

/// A table without its parties.
trait Places: Send + Sync {
    fn set_idle(&self, id: u64, is_idle: bool);
    /// Marks a seat as held, unless so many are.
    fn hold(&self, id: u64, most: usize) -> bool;
    fn free(&self, id: u64);
}

impl<P: Clone + PartialEq + Send + 'static> Seats<P> {
    /// Free seats.
    pub(crate) fn new(limits: Limits) -> Seats<P> {
        Seats {
            limits,
            table: Arc::new(Mutex::new(Table {
                next: 0,
                taken: Vec::new(),
            })),
        }
    }

    /// Gives a newcomer a seat, idle at first, and takes one from another connection if it must: from the same
    /// party if that has its share, else from the party that has the most. `None` if all are in use.
    pub(crate) fn take(&self, party: P) -> Option<(Seat, GivenUp)> {
        let mut table = lock(&self.table);
        if table.idle_of(&party) >= self.limits.idle_of_one {
            table.evict(&party);
        } else if table.taken.len() >= self.limits.most {
            let largest = table.largest()?;
            table.evict(&largest);
        }
        let (kept, given_up) = oneshot::channel();
        let id = table.tick();
        table.taken.push(Taken {
            id,
            party,
            idle_since: Some(id),
            _kept: kept,
        });
        let seat = Seat {
            id,
            reserve_from: self.limits.most.saturating_sub(self.limits.reserve),
            table: Arc::clone(&self.table) as Arc<dyn Places>,
        };
        Some((seat, given_up))
    }
}

#[cfg(test)]
impl<P> Seats<P> {
    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        lock(&self.table).taken.len()
    }
}

fn lock<P>(table: &Mutex<Table<P>>) -> MutexGuard<'_, Table<P>> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<P: Clone + PartialEq> Table<P> {
    fn tick(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn idle_of(&self, party: &P) -> usize {
        let is_idle = |seat: &&Taken<P>| seat.idle_since.is_some() && seat.party == *party;
        self.taken.iter().filter(is_idle).count()
    }

    /// The party with the most idle seats.
    fn largest(&self) -> Option<P> {
        let idle = self.taken.iter().filter(|seat| seat.idle_since.is_some());
        let largest = idle.max_by_key(|seat| self.idle_of(&seat.party));
        largest.map(|seat| seat.party.clone())
    }

    /// Takes the seat of a party that is idle longest.
    fn evict(&mut self, party: &P) {
        let idle = self.taken.iter().filter(|seat| seat.party == *party);
        let idle = idle.filter_map(|seat| Some((seat.idle_since?, seat.id)));
        if let Some((_, longest)) = idle.min() {
            self.taken.retain(|seat| seat.id != longest);
        }
    }
}

impl<P: Clone + PartialEq + Send> Places for Mutex<Table<P>> {
    fn set_idle(&self, id: u64, is_idle: bool) {
        let mut table = lock(self);
        let now = table.tick();
        if let Some(seat) = table.taken.iter_mut().find(|seat| seat.id == id) {
            seat.idle_since = is_idle.then_some(now);
        }
    }

    fn hold(&self, id: u64, most: usize) -> bool {
        let mut table = lock(self);
        let is_held = |seat: &&Taken<P>| seat.idle_since.is_none() && seat.id != id;
        let may = table.taken.iter().filter(is_held).count() < most;
        if may && let Some(seat) = table.taken.iter_mut().find(|seat| seat.id == id) {
            seat.idle_since = None;
        }
        may
    }

    fn free(&self, id: u64) {
        lock(self).taken.retain(|seat| seat.id != id);
    }
}

impl Seat {
    /// Something is done from here on, and the seat is not taken meanwhile.
    pub(crate) fn begin(&self) {
        self.table.set_idle(self.id, false);
    }

    /// It is done.
    pub(crate) fn end(&self) {
        self.table.set_idle(self.id, true);
    }

    /// Something is done that may take for ever; whether there is a seat for that.
    pub(crate) fn hold(&self) -> bool {
        self.table.hold(self.id, self.reserve_from)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.table.free(self.id);
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        most: 4,
        idle_of_one: 3,
        reserve: 1,
    };

    fn is_given_up(given_up: &mut GivenUp) -> bool {
        given_up.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn the_longest_idle_gives_its_seat_up() {
        let seats = Seats::new(LIMITS);
        let mut sitting: Vec<(Seat, GivenUp)> = (0..3).map(|_| seats.take('a').unwrap()).collect();
        // The first does something, so the second is idle longest.
        sitting[0].0.begin();
        sitting[0].0.end();
        sitting.push(seats.take('a').unwrap());
        let gone: Vec<bool> = sitting
            .iter_mut()
            .map(|(_, gone)| is_given_up(gone))
            .collect();
        assert_eq!(gone, [false, true, false, false]);
    }

    #[test]
    fn who_does_something_keeps_its_seat() {
        let seats = Seats::new(LIMITS);
        let busy = (0..4).map(|_| seats.take('a').unwrap());
        let busy: Vec<(Seat, GivenUp)> = busy.inspect(|(seat, _)| seat.begin()).collect();
        assert!(seats.take('b').is_none(), "all are in use");
        busy[2].0.end();
        assert!(seats.take('b').is_some());
        drop(busy);
        assert_eq!(seats.taken(), 0, "they are free again");
    }

    #[test]
    fn who_has_the_most_gives_up_first() {
        let seats = Seats::new(LIMITS);
        let mut few = seats.take('a').unwrap();
        let mut many: Vec<(Seat, GivenUp)> = (0..3).map(|_| seats.take('b').unwrap()).collect();
        let _new = seats.take('c').unwrap();
        assert!(!is_given_up(&mut few.1) && is_given_up(&mut many[0].1));
    }

    #[test]
    fn some_seats_are_not_held_for_long() {
        let seats = Seats::new(LIMITS);
        let sitting: Vec<(Seat, GivenUp)> = (0..3).map(|_| seats.take('a').unwrap()).collect();
        assert!(sitting.iter().all(|(seat, _)| seat.hold()));
        let last = seats.take('a').unwrap();
        assert!(!last.0.hold(), "it is the reserve");
        last.0.begin();
        last.0.end();
        drop(sitting);
        assert!(last.0.hold());
    }
}
