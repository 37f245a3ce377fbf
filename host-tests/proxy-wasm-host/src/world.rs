//! The state of one host that guests can reach through host calls: everything but the VMs themselves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;

use crate::abi::Level;
use crate::foreign::Registry;
use crate::limits::Limits;
use crate::message::{CallOut, GrpcAnswer, GrpcCall, LogLine, Response, StreamId};
use crate::metrics::Metrics;
use crate::random::Random;
use crate::shared::{Queues, Reader, SharedData};
use crate::stream::Stream;
use crate::vm::VmAt;

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// A timer of a root context. `armed`: which setting of the timer this belongs to.
    Tick { vm: VmAt, root: u32, armed: u64 },
    /// An item was put into a queue.
    QueueReady { reader: Reader, token: u32, cause: Option<StreamId> },
    /// A call-out is over; `None`: without an answer.
    CallOut { vm: VmAt, root: u32, token: u32, answer: Option<Box<Response>>, cause: Option<StreamId> },
    /// A gRPC call is over.
    Grpc { vm: VmAt, root: u32, token: u32, answer: Box<GrpcAnswer>, cause: Option<StreamId> },
    /// The upstream answers.
    Upstream { stream: StreamId, answer: Option<Box<Response>> },
}

/// A call-out that a guest made and nobody has been asked about.
#[derive(Debug)]
pub(crate) enum Dialled {
    Http { vm: VmAt, root: u32, token: u32, call: CallOut, cause: Option<StreamId> },
    Grpc { vm: VmAt, root: u32, token: u32, call: GrpcCall, cause: Option<StreamId> },
}

/// An event with its time; equal times keep their order.
#[derive(Debug)]
struct Scheduled {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// What will happen, by time.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    events: BinaryHeap<Reverse<Scheduled>>,
    count: u64,
}

/// What guests share.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// ns since the Unix epoch.
    pub(crate) now: u64,
    /// `now` at the start.
    pub(crate) start: u64,
    pub(crate) limits: Rc<Limits>,
    /// The clusters there are; `None`: any name will do.
    pub(crate) clusters: Option<BTreeSet<String>>,
    pub(crate) attributes: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) foreign: Rc<Registry>,
    pub(crate) random: Random,
    pub(crate) data: SharedData,
    pub(crate) queues: Queues,
    pub(crate) metrics: Metrics,
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    pub(crate) dialled: Vec<Dialled>,
    /// Call-outs without an answer, by cluster.
    pub(crate) outstanding: BTreeMap<String, usize>,
    /// The request for which guests run now.
    pub(crate) cause: Option<StreamId>,
    /// Log lines that belong to no request.
    pub(crate) logs: Vec<LogLine>,
    pub(crate) log_bytes: usize,
    /// How many lines were logged.
    pub(crate) lines: u64,
    pub(crate) schedule: Schedule,
}

impl World {
    /// Lets something happen after a while, in ns.
    pub(crate) fn after(&mut self, delay: u64, event: Event) {
        let order = self.schedule.count;
        self.schedule.count += 1;
        let at = self.now.saturating_add(delay);
        self.schedule.events.push(Reverse(Scheduled { at, order, event }));
    }

    /// Whether a guest may have something happen: what it can schedule is bounded.
    pub(crate) fn has_room(&self) -> bool {
        const MAX_EVENTS: usize = 1 << 18;
        self.schedule.events.len() < MAX_EVENTS
    }

    /// When the next event is.
    pub(crate) fn next_at(&self) -> Option<u64> {
        self.schedule.events.peek().map(|Reverse(next)| next.at)
    }

    /// The next event; time moves to it.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse(next) = self.schedule.events.pop()?;
        self.now = self.now.max(next.at);
        Some(next.event)
    }

    /// Keeps a log line with the request it belongs to; above the limit it is lost, and the last line says so.
    pub(crate) fn log(&mut self, level: Level, prefix: String, text: String) {
        let order = self.lines;
        self.lines += 1;
        let line = LogLine { level, prefix, text, order };
        let limit = self.limits.log;
        let stream = self.cause.and_then(|cause| self.streams.get_mut(&cause));
        let (lines, bytes) = match stream {
            Some(stream) => (&mut stream.logs, &mut stream.log_bytes),
            None => (&mut self.logs, &mut self.log_bytes),
        };
        if *bytes > limit {
            return;
        }
        *bytes += line.text.len() + LINE;
        if *bytes > limit {
            lines.push(LogLine { text: "more log lines than the host keeps".to_owned(), ..line });
        } else {
            lines.push(line);
        }
    }
}

/// What an empty log line is counted as.
const LINE: usize = 64;
