//! Metrics: values by name for the whole host, numbers by VM.

use std::collections::BTreeMap;

use crate::abi::{MetricKind, Status};

/// A metric's value. A histogram shows how many values were recorded, and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metric {
    /// Counter and gauge: the value. Histogram: the sum of what was recorded.
    pub value: u64,
    /// Histogram: how many values were recorded.
    pub count: u64,
}

/// Every metric by kind and name.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    values: BTreeMap<(MetricKind, String), Metric>,
    /// What the callback that runs changed: by how much a counter rose, what a gauge now is, what a histogram took.
    pub(crate) changes: BTreeMap<String, (MetricKind, u64)>,
}

/// The numbers under which one VM knows metrics: the kind in the lowest two bits, each definition a new number
/// (`Wasm::nextCounterMetricId`).
#[derive(Debug, Default)]
pub(crate) struct Handles {
    names: BTreeMap<u32, String>,
    defined: [u32; 3],
}

const STEP: u32 = 4;
const KIND: u32 = 3;

impl Metrics {
    /// Every metric by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (MetricKind, &str, Metric)> {
        self.values.iter().map(|((kind, name), metric)| (*kind, name.as_str(), *metric))
    }

    fn change(&mut self, kind: MetricKind, name: &str, change: impl FnOnce(&mut Metric)) {
        change(self.values.entry((kind, name.to_owned())).or_default());
    }

    fn changed(&mut self, kind: MetricKind, name: &str, value: u64) {
        let (_, change) = self.changes.entry(name.to_owned()).or_insert((kind, 0));
        *change = if kind == MetricKind::Counter { change.wrapping_add(value) } else { value };
    }

    fn get(&self, kind: MetricKind, name: &str) -> u64 {
        self.values.get(&(kind, name.to_owned())).map_or(0, |metric| metric.value)
    }
}

impl Handles {
    /// A new number for a metric. `limit` bounds the numbers of this VM.
    pub(crate) fn define(
        &mut self,
        metrics: &mut Metrics,
        kind: u32,
        name: &[u8],
        limit: usize,
    ) -> Result<u32, Status> {
        let kind = MetricKind::from_number(kind).ok_or(Status::BadArgument)?;
        if self.names.len() >= limit {
            return Err(Status::InternalFailure);
        }
        let name = String::from_utf8_lossy(name).into_owned();
        metrics.change(kind, &name, |_| ());
        let slot = usize::try_from(kind as u32).ok().and_then(|kind| self.defined.get_mut(kind));
        let count = slot.ok_or(Status::InternalFailure)?;
        *count = count.saturating_add(1);
        let number = count.saturating_mul(STEP) | kind as u32;
        self.names.insert(number, name);
        Ok(number)
    }

    fn find(&self, number: u32) -> Option<(MetricKind, &str)> {
        let kind = MetricKind::from_number(number & KIND)?;
        Some((kind, self.names.get(&number)?))
    }

    pub(crate) fn increment(&self, metrics: &mut Metrics, number: u32, offset: i64) -> Result<(), Status> {
        if number & KIND > MetricKind::Gauge as u32 {
            return Err(Status::BadArgument);
        }
        let (kind, name) = self.find(number).ok_or(Status::NotFound)?;
        if kind == MetricKind::Counter && offset <= 0 {
            return Err(Status::BadArgument);
        }
        metrics.change(kind, name, |metric| metric.value = metric.value.wrapping_add_signed(offset));
        let value = if kind == MetricKind::Counter { offset.unsigned_abs() } else { metrics.get(kind, name) };
        metrics.changed(kind, name, value);
        Ok(())
    }

    pub(crate) fn record(&self, metrics: &mut Metrics, number: u32, value: u64) -> Result<(), Status> {
        let (kind, name) = self.find(number).ok_or(Status::NotFound)?;
        metrics.change(kind, name, |metric| match kind {
            MetricKind::Gauge => metric.value = value,
            MetricKind::Counter => metric.value = metric.value.wrapping_add(value),
            MetricKind::Histogram => {
                metric.value = metric.value.wrapping_add(value);
                metric.count += 1;
            }
        });
        metrics.changed(kind, name, value);
        Ok(())
    }

    pub(crate) fn get(&self, metrics: &Metrics, number: u32) -> Result<u64, Status> {
        if number & KIND > MetricKind::Gauge as u32 {
            return Err(Status::BadArgument);
        }
        let (kind, name) = self.find(number).ok_or(Status::NotFound)?;
        Ok(metrics.get(kind, name))
    }
}

#[cfg(test)]
mod tests {
    use super::{Handles, Metrics};
    use crate::abi::Status;

    #[test]
    fn numbers_carry_the_kind() {
        let (mut metrics, mut vm) = (Metrics::default(), Handles::default());
        let ids = [0, 1, 2, 0, 3].map(|kind| vm.define(&mut metrics, kind, b"m", 10));
        assert_eq!(ids, [Ok(4), Ok(5), Ok(6), Ok(8), Err(Status::BadArgument)]);
        assert_eq!(vm.increment(&mut metrics, 4, 2), Ok(()));
        assert_eq!(vm.record(&mut metrics, 8, 3), Ok(()));
        assert_eq!(
            (vm.get(&metrics, 4), vm.get(&metrics, 8)),
            (Ok(5), Ok(5)),
            "one counter under two numbers"
        );
        assert_eq!(vm.increment(&mut metrics, 4, 0), Err(Status::BadArgument));
        assert_eq!(vm.increment(&mut metrics, 5, -1), Ok(()));
        assert_eq!(vm.get(&metrics, 5), Ok(u64::MAX));
        assert_eq!(vm.increment(&mut metrics, 6, 1), Err(Status::BadArgument));
        assert_eq!((vm.record(&mut metrics, 6, 7), vm.get(&metrics, 6)), (Ok(()), Err(Status::BadArgument)));
        assert_eq!(
            (vm.get(&metrics, 12), vm.get(&metrics, 7)),
            (Err(Status::NotFound), Err(Status::BadArgument))
        );
    }

    #[test]
    fn another_vm_has_its_own_numbers_for_the_same_values() {
        let (mut metrics, mut one, mut other) = (Metrics::default(), Handles::default(), Handles::default());
        let _ = one.define(&mut metrics, 0, b"a", 10);
        assert_eq!(one.define(&mut metrics, 0, b"b", 10), Ok(8));
        assert_eq!(other.define(&mut metrics, 0, b"b", 1), Ok(4));
        assert_eq!(other.define(&mut metrics, 0, b"b", 1), Err(Status::InternalFailure));
        assert_eq!(one.increment(&mut metrics, 8, 1), Ok(()));
        assert_eq!(other.get(&metrics, 4), Ok(1));
    }
}
