//! Transactions: the lock, the journal, and what is done about a journal that a crash left.
//!
//! # The journal
//!
//! `journal` in the state directory, JSON lines. The first line is the whole intent: format, RMCP's version, goal, the steps, the state afterwards, and the times of last change of every directory that
//! is touched. Then a line before each step is done, and `"commit"` when all are. Each line is synced before the next thing happens; a torn last line does not count.
//! Without the commit, recovery undoes the begun steps from the last to the first; with it, it cleans up (removes what was kept, writes `state.json`, sets the directories'
//! times back, removes the journal and, when nothing is installed any more, the state directory).

use crate::{Error, State, Step, Target};

/// What recovery did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// A transaction was undone.
    Undone,
    /// A committed one was completed.
    Completed,
}

/// The right to change a target: nobody else has it at the same time.
#[derive(Debug)]
pub struct Session {
    /// What was locked.
    pub target: Target,
}

impl Session {
    /// Takes the lock on [`Target::base`]; if another process has it, calls `waiting` and waits.
    pub fn open(target: Target, waiting: impl FnOnce()) -> Result<Self, Error> {
        let _ = waiting;
        Ok(Self { target })
    }

    /// Takes the lock if it is free.
    pub fn try_open(target: Target) -> Result<Option<Self>, Error> {
        Ok(Some(Self { target }))
    }

    /// Completes or undoes what a crash left; `None` if there is nothing.
    pub fn recover(&mut self) -> Result<Option<Recovered>, Error> {
        unimplemented!()
    }

    /// Whether there is a journal at `state`, without taking the lock.
    pub fn is_interrupted(state: &std::path::Path) -> bool {
        state.join("journal").exists()
    }

    /// The manifest; `None` if nothing is installed, or if it is lost or of a later format (then `Inventory` still knows).
    pub fn state(&self) -> Option<State> {
        unimplemented!()
    }

    /// Carries out `steps`, and makes `after` the state. `progress` is called before each step with its number from 0, and their count.
    pub fn carry_out(
        &mut self,
        steps: &[Step],
        after: Option<State>,
        progress: &mut dyn FnMut(usize, usize, &Step),
    ) -> Result<(), Error> {
        let _ = (steps, after, progress);
        unimplemented!()
    }
}
