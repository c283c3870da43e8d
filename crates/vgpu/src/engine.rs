//! One thread that runs all queues of a process.
//!
//! Each queue is a state machine whose `step` does a bounded piece of work, so that a barrier packet that waits, or a kernel that polls memory, never stops the
//! others. Doorbells are plain memory: with work the thread looks at them without pause; idle, it naps for longer and longer, up to `LONGEST_NAP`.

mod aql;
mod sdma;
mod signal;
#[cfg(test)]
mod test_memory;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::isa::Isa;
use crate::mem::{Access, Client, Fault, Kind, Memory, Scope};
use crate::sync::{Condvar, Mutex};
use crate::vm::Vm;

/// What the engine needs of the driver.
pub trait Kernel: Send + Sync + std::fmt::Debug {
    /// Lends the page tables for one slice of work; nothing is mapped or unmapped meanwhile.
    fn with_vm(&self, run: &mut dyn FnMut(&Vm));
    /// An interrupt that sets a KFD event.
    fn raise_event(&self, event_id: u32);
    /// A GPU touched what it may not: KFD's memory exception event.
    fn memory_exception(&self, gpu: usize, fault: &Fault);
    /// A queue stopped for good.
    fn stopped(&self, gpu: usize, text: &str);
    /// The GPU's clock, in its ticks (GET_CLOCK_COUNTERS).
    fn gpu_clock(&self) -> u64;
}

/// What kind of packets a queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueKind {
    /// HSA packets of 64 bytes.
    Aql,
    /// SDMA packets.
    Sdma,
    /// PM4 packets: can be created, runs nothing (ROCr sends PM4 inside of AQL queues).
    Pm4,
}

/// A queue as CREATE_QUEUE describes it. Addresses are GPU virtual addresses, `doorbell` is one of this process.
#[derive(Debug, Clone, Copy)]
pub struct QueueConfig {
    /// KFD's queue id.
    pub id: u32,
    /// Packet format.
    pub kind: QueueKind,
    /// Index of the GPU.
    pub gpu: usize,
    /// Instruction set of its shaders; `None`: dispatches are refused.
    pub isa: Option<Isa>,
    /// First byte of the ring.
    pub ring_base: u64,
    /// Bytes.
    pub ring_size: u64,
    /// Where the engine publishes how far it has read.
    pub read_pointer: u64,
    /// Where the program publishes how far it has written.
    pub write_pointer: u64,
    /// The doorbell, 8 bytes; all ones until it is rung.
    pub doorbell: u64,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something was done: look again at once.
    Worked,
    /// Nothing to do, or waiting for somebody else.
    Idle,
}

/// Why a queue stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Halt {
    /// It touched what it may not.
    Fault(Fault),
    /// It met what it does not know. `code`: the error that ROCr understands (`amd_aql_queue.cpp`, DynamicScratchHandler).
    Error { text: String, code: u64 },
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Halt::Fault(fault)
    }
}

/// What a step may use besides memory.
pub(crate) struct Outside<'a> {
    /// The GPU's clock.
    pub clock: &'a dyn Fn() -> u64,
    /// Events to raise when the step is over, by id.
    pub events: &'a mut Vec<u32>,
}

#[derive(Debug)]
enum Machine {
    Aql(Box<aql::Aql>),
    Sdma(sdma::Sdma),
    Pm4,
}

#[derive(Debug)]
struct Queue {
    config: QueueConfig,
    machine: Machine,
    active: bool,
    stopped: bool,
}

/// Wave instructions or packets that one step may take.
const BUDGET: u64 = 20_000;
/// Looks at idle doorbells before the first nap.
const LOOKS: u32 = 200;
const SHORTEST_NAP: Duration = Duration::from_micros(50);
/// The longest an idle engine sleeps: what a doorbell after a long pause may have to wait.
const LONGEST_NAP: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Vec<Queue>>,
    /// Something that may mean work has happened: the nap is over.
    alarm: Mutex<bool>,
    rung: Condvar,
}

/// The engine of a process. Its thread lives as long as the process.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
}

impl Engine {
    /// Starts the thread. It handles no signals: they are the program's.
    pub fn start(kernel: Arc<dyn Kernel>) -> Self {
        let shared = Arc::new(Shared::default());
        let engine = Engine { shared: Arc::clone(&shared) };
        // SAFETY: the masks live on the stack; the old one is restored, so only the new thread, which inherits it, has all signals blocked.
        unsafe {
            let (mut all, mut old) = std::mem::zeroed::<(libc::sigset_t, libc::sigset_t)>();
            libc::sigfillset(&mut all);
            libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
            let started = std::thread::Builder::new().name("vgpu".into()).spawn(move || run(&shared, &*kernel));
            libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
            if let Err(error) = started {
                eprintln!("vgpu: no thread for the engine ({error}): queues will not run");
            }
        }
        engine
    }

    /// A new queue; `config.doorbell` must stay valid until it is removed.
    pub fn add_queue(&self, config: QueueConfig) {
        let machine = match config.kind {
            QueueKind::Aql => Machine::Aql(Box::default()),
            QueueKind::Sdma => Machine::Sdma(sdma::Sdma::default()),
            QueueKind::Pm4 => Machine::Pm4,
        };
        self.shared.queues.lock().push(Queue { config, machine, active: true, stopped: false });
        self.wake();
    }

    /// Another ring, or a pause.
    pub fn update_queue(&self, id: u32, ring_base: u64, ring_size: u64, active: bool) {
        if let Some(queue) = self.shared.queues.lock().iter_mut().find(|queue| queue.config.id == id) {
            (queue.config.ring_base, queue.config.ring_size, queue.active) = (ring_base, ring_size, active);
        }
        self.wake();
    }

    /// When this returns nothing of the queue is touched any more.
    pub fn remove_queue(&self, id: u32) {
        self.shared.queues.lock().retain(|queue| queue.config.id != id);
    }

    /// Ends a nap.
    pub fn wake(&self) {
        *self.shared.alarm.lock() = true;
        self.shared.rung.notify_one();
    }
}

fn run(shared: &Shared, kernel: &dyn Kernel) {
    let (mut looks, mut nap) = (0, SHORTEST_NAP);
    loop {
        let mut queues = shared.queues.lock();
        let worked = queues.iter_mut().map(|queue| queue.step(kernel)).filter(|step| *step == Step::Worked).count();
        drop(queues);
        if worked > 0 {
            (looks, nap) = (0, SHORTEST_NAP);
        } else if looks < LOOKS {
            looks += 1;
            std::thread::yield_now();
        } else {
            let mut alarm = shared.alarm.lock();
            if !*alarm {
                alarm = shared.rung.wait(alarm, Some(Instant::now() + nap));
            }
            if std::mem::take(&mut *alarm) {
                (looks, nap) = (0, SHORTEST_NAP);
            } else {
                nap = (nap * 2).min(LONGEST_NAP);
            }
        }
    }
}

impl Queue {
    fn step(&mut self, kernel: &dyn Kernel) -> Step {
        if self.stopped || !self.active {
            return Step::Idle;
        }
        let Queue { config, machine, .. } = self;
        // SAFETY: the doorbell stays valid while the queue is in the list (`add_queue`), and is an aligned word that the program stores to.
        let doorbell = unsafe { AtomicU64::from_ptr(config.doorbell as *mut u64) }.load(Ordering::Acquire);
        let quiet = match machine {
            Machine::Aql(_) => !aql::Aql::was_rung(doorbell),
            Machine::Sdma(sdma) => !sdma.has_work(doorbell),
            Machine::Pm4 => true,
        };
        if quiet {
            return Step::Idle;
        }
        let mut events = Vec::new();
        let mut result = Ok(Step::Idle);
        kernel.with_vm(&mut |vm| {
            let mut memory = vm.port(config.gpu);
            let mut outside = Outside { clock: &|| kernel.gpu_clock(), events: &mut events };
            result = match machine {
                Machine::Aql(aql) => aql.step(config, doorbell, &mut memory, &mut outside, BUDGET),
                Machine::Sdma(sdma) => sdma.step(config, doorbell, &mut memory, &mut outside),
                Machine::Pm4 => Ok(Step::Idle),
            };
            if let (Err(Halt::Error { code, .. }), Machine::Aql(_)) = (&result, &*machine) {
                // ROCr's handler of the queue's inactive signal reports the error to the program.
                let _ = aql::report(config, *code, &mut memory, &mut outside);
            }
        });
        events.into_iter().for_each(|event| kernel.raise_event(event));
        match result {
            Ok(step) => step,
            Err(halt) => {
                self.stopped = true;
                match halt {
                    Halt::Fault(fault) => {
                        kernel.stopped(self.config.gpu, &fault.to_string());
                        kernel.memory_exception(self.config.gpu, &fault);
                    }
                    Halt::Error { text, .. } => {
                        eprintln!("vgpu: queue {} stopped: {text}", self.config.id);
                        kernel.stopped(self.config.gpu, &text);
                    }
                }
                Step::Worked
            }
        }
    }
}

/// Words of memory, as the packet processor and SDMA read and write them.
pub(crate) trait Words: Memory {
    /// Loads `N` bytes.
    fn bytes<const N: usize>(&mut self, client: Client, addr: u64) -> Result<[u8; N], Fault> {
        let mut out = [0; N];
        self.load(Access { addr, width: N as u32, kind: Kind::Load, scope: Scope::System, client }, &mut out)?;
        Ok(out)
    }

    /// Loads a 32-bit word.
    fn word32(&mut self, client: Client, addr: u64) -> Result<u32, Fault> {
        self.bytes(client, addr).map(u32::from_le_bytes)
    }

    /// Loads a 64-bit word.
    fn word64(&mut self, client: Client, addr: u64) -> Result<u64, Fault> {
        self.bytes(client, addr).map(u64::from_le_bytes)
    }

    /// Stores bytes.
    fn put(&mut self, client: Client, addr: u64, data: &[u8]) -> Result<(), Fault> {
        self.store(Access { addr, width: data.len() as u32, kind: Kind::Store, scope: Scope::System, client }, data)
    }
}

impl<M: Memory> Words for M {}
