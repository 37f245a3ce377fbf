//! Median and range of a handful of samples.

use serde::Serialize;

/// What a few rounds say: the middle one, and how far the others lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The median; the mean of the two middle samples when their number is even.
    pub median: f64,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
}

impl Summary {
    /// Summarises the samples; `None` without any, or with one that is no number.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        if sorted.iter().any(|sample| sample.is_nan()) {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some(Self { median: f64::midpoint(lower, upper), min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_sample() {
        let summary = Summary::of([5.0, 1.0, 9.0]).unwrap();
        assert_eq!(summary, Summary { median: 5.0, min: 1.0, max: 9.0 });
    }

    #[test]
    fn median_of_an_even_number_is_the_mean_of_the_two_middle_ones() {
        assert_eq!(Summary::of([4.0, 1.0, 2.0, 10.0]).unwrap().median, 3.0);
    }

    #[test]
    fn negative_samples_are_ordered_too() {
        assert_eq!(Summary::of([-1.0, -3.0, 2.0]).unwrap(), Summary { median: -1.0, min: -3.0, max: 2.0 });
    }

    #[test]
    fn nothing_and_not_a_number_have_no_summary() {
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([1.0, f64::NAN]), None);
    }
}
