//! What VMs share: data with versions and queues (`shared_data.cc`, `shared_queue.cc` of proxy-wasm-cpp-host).

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::abi::Status;
use crate::vm::VmAt;

/// Values with versions, by key.
type Space = HashMap<Vec<u8>, (Vec<u8>, u32)>;

/// Values with versions, one name space per `vm_id`.
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    spaces: HashMap<String, Space>,
    last_version: u32,
    bytes: usize,
}

impl SharedData {
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Option<(&[u8], u32)> {
        let (value, version) = self.spaces.get(vm_id)?.get(key)?;
        Some((value, *version))
    }

    /// Stores if `cas` is 0 or the version that is there; where nothing is there, `cas` is not looked at. Nothing
    /// is ever removed: `limit` bounds all keys and values, in bytes.
    pub(crate) fn set(
        &mut self,
        vm_id: &str,
        key: &[u8],
        value: &[u8],
        cas: u32,
        limit: usize,
    ) -> Result<(), Status> {
        let space = match self.spaces.get_mut(vm_id) {
            Some(space) => space,
            None => self.spaces.entry(vm_id.to_owned()).or_default(),
        };
        let entry = space.get_mut(key);
        if let Some((_, version)) = &entry
            && cas != 0
            && cas != *version
        {
            return Err(Status::CasMismatch);
        }
        let size = |value: &[u8]| key.len() + value.len() + ENTRY;
        let before = entry.as_ref().map_or(0, |(value, _)| size(value));
        let bytes = self.bytes - before + size(value);
        if bytes > limit {
            return Err(Status::InternalFailure);
        }
        self.bytes = bytes;
        // 0 is never a version.
        self.last_version = self.last_version.checked_add(1).unwrap_or(1);
        match entry {
            Some(entry) => *entry = (value.to_vec(), self.last_version),
            None => {
                space.insert(key.to_vec(), (value.to_vec(), self.last_version));
            }
        }
        Ok(())
    }
}

/// What an empty key with an empty value is counted as.
const ENTRY: usize = 108;

/// A queue and who is told that something is in it: the last one who registered it.
#[derive(Debug)]
struct Queue {
    items: VecDeque<Vec<u8>>,
    reader: VmAt,
    context: u32,
}

/// Whom to tell about an item in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reader {
    pub(crate) vm: VmAt,
    /// A root context.
    pub(crate) context: u32,
}

/// Queues by number; a name belongs to a `vm_id`.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    tokens: BTreeMap<(String, Vec<u8>), u32>,
    queues: BTreeMap<u32, Queue>,
    bytes: usize,
}

impl Queues {
    /// The number of the queue, made if there is none; what is in it stays. `limit` bounds the number of queues.
    pub(crate) fn register(
        &mut self,
        vm_id: &str,
        name: &[u8],
        reader: Reader,
        limit: usize,
    ) -> Result<u32, Status> {
        let key = (vm_id.to_owned(), name.to_vec());
        let next = u32::try_from(self.tokens.len()).unwrap_or(u32::MAX).saturating_add(1);
        let token = match self.tokens.get(&key) {
            Some(token) => *token,
            None if self.tokens.len() >= limit => return Err(Status::InternalFailure),
            None => *self.tokens.entry(key).or_insert(next),
        };
        let Reader { vm, context } = reader;
        match self.queues.get_mut(&token) {
            Some(queue) => (queue.reader, queue.context) = (vm, context),
            None => {
                self.queues.insert(token, Queue { items: VecDeque::new(), reader: vm, context });
            }
        }
        Ok(token)
    }

    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.tokens.get(&(vm_id.to_owned(), name.to_vec())).copied()
    }

    /// Appends, and says whom to tell. `limit` bounds what is in all queues, in bytes.
    pub(crate) fn enqueue(&mut self, token: u32, item: &[u8], limit: usize) -> Result<Reader, Status> {
        let queue = self.queues.get_mut(&token).ok_or(Status::NotFound)?;
        let bytes = self.bytes + item.len() + ITEM;
        if bytes > limit {
            return Err(Status::InternalFailure);
        }
        self.bytes = bytes;
        queue.items.push_back(item.to_vec());
        Ok(Reader { vm: queue.reader, context: queue.context })
    }

    pub(crate) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        let queue = self.queues.get_mut(&token).ok_or(Status::NotFound)?;
        let item = queue.items.pop_front().ok_or(Status::Empty)?;
        self.bytes -= item.len() + ITEM;
        Ok(item)
    }
}

/// What an empty item is counted as.
const ITEM: usize = 32;

#[cfg(test)]
mod tests {
    use super::{ENTRY, Queues, Reader, SharedData};
    use crate::abi::Status;
    use crate::vm::VmAt;

    #[test]
    fn a_version_is_asked_for_only_where_there_is_one() {
        let mut data = SharedData::default();
        assert_eq!(data.set("", b"k", b"a", u32::MAX, 1000), Ok(()));
        assert_eq!(data.get("", b"k"), Some((&b"a"[..], 1)));
        assert_eq!(data.set("", b"k", b"b", u32::MAX, 1000), Err(Status::CasMismatch));
        assert_eq!(data.set("", b"k", b"b", 1, 1000), Ok(()));
        assert_eq!(data.set("", b"k", b"c", 0, 1000), Ok(()));
        assert_eq!(data.get("", b"k"), Some((&b"c"[..], 3)));
        assert_eq!(data.get("other", b"k"), None);
    }

    #[test]
    fn what_is_shared_is_bounded() {
        let mut data = SharedData::default();
        let limit = 2 * ENTRY + 6;
        assert_eq!(data.set("", b"k", b"12345", 0, limit), Ok(()));
        assert_eq!(data.set("", b"l", b"", 0, limit), Err(Status::InternalFailure));
        assert_eq!(data.set("", b"k", b"1", 0, limit), Ok(()));
        assert_eq!(data.set("", b"l", b"123", 0, limit), Ok(()));
        assert_eq!(data.set("", b"l", b"1234", 0, limit), Err(Status::InternalFailure));
    }

    #[test]
    fn the_last_to_register_is_told() {
        let mut queues = Queues::default();
        let reader = |context| Reader { vm: VmAt { thread: 0, vm: 0, generation: 0 }, context };
        assert_eq!(queues.register("", b"q", reader(1), 2), Ok(1));
        assert_eq!(queues.register("v", b"q", reader(2), 2), Ok(2));
        assert_eq!(queues.register("", b"q", reader(3), 2), Ok(1));
        assert_eq!(queues.register("", b"r", reader(3), 2), Err(Status::InternalFailure));
        assert_eq!((queues.resolve("v", b"q"), queues.resolve("w", b"q")), (Some(2), None));
        assert_eq!(queues.enqueue(1, b"x", 100), Ok(reader(3)));
        assert_eq!(queues.enqueue(1, &[0; 50], 100), Err(Status::InternalFailure));
        assert_eq!(queues.enqueue(3, b"x", 100), Err(Status::NotFound));
        assert_eq!((queues.dequeue(1), queues.dequeue(1)), (Ok(b"x".to_vec()), Err(Status::Empty)));
        assert_eq!(queues.dequeue(3), Err(Status::NotFound));
    }
}
