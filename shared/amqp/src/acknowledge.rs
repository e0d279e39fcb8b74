//! Which acknowledgements travel as which frames.

use std::collections::BTreeSet;

/// `multiple` acknowledges everything outstanding on the channel up to the tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AckFrame {
    pub(crate) tag: u64,
    pub(crate) multiple: bool,
    /// How many deliveries it settles.
    pub(crate) count: usize,
}

/// Takes `tags` out of `outstanding` and says what to send; tags that are not outstanding are
/// ignored. Only the oldest run can go as one frame, because `multiple` reaches back to the start.
pub(crate) fn settle(outstanding: &mut BTreeSet<u64>, tags: &BTreeSet<u64>) -> Vec<AckFrame> {
    let run: Vec<u64> = outstanding.iter().copied().take_while(|tag| tags.contains(tag)).collect();
    let mut frames = Vec::new();
    if let Some(last) = run.last() {
        frames.push(AckFrame { tag: *last, multiple: run.len() > 1, count: run.len() });
    }
    for tag in &run {
        outstanding.remove(tag);
    }
    for tag in tags {
        if outstanding.remove(tag) {
            frames.push(AckFrame { tag: *tag, multiple: false, count: 1 });
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(tags: &[u64]) -> BTreeSet<u64> {
        tags.iter().copied().collect()
    }

    #[test]
    fn the_oldest_run_is_one_frame_and_the_rest_go_alone() {
        let mut outstanding = set(&[3, 4, 5, 6, 7, 8]);
        let frames = settle(&mut outstanding, &set(&[3, 4, 6, 7]));
        let expected = [(4, true, 2), (6, false, 1), (7, false, 1)]
            .map(|(tag, multiple, count)| AckFrame { tag, multiple, count });
        assert_eq!(frames, expected);
        assert_eq!(outstanding, set(&[5, 8]));
    }

    #[test]
    fn a_gap_that_was_settled_before_does_not_break_a_run() {
        let mut outstanding = set(&[1, 4, 9]);
        let frames = settle(&mut outstanding, &set(&[1, 4]));
        assert_eq!(frames, [AckFrame { tag: 4, multiple: true, count: 2 }]);
    }

    #[test]
    fn unknown_tags_are_never_sent() {
        assert_eq!(settle(&mut set(&[5]), &set(&[4, 6])), []);
    }

    proptest! {
        /// A broker that follows the frames settles exactly what was asked for.
        #[test]
        fn frames_settle_what_was_asked_for_and_nothing_else(
            held in prop::collection::btree_set(1_u64..60, 0..40),
            asked in prop::collection::btree_set(1_u64..60, 0..40),
        ) {
            let mut outstanding = held.clone();
            let frames = settle(&mut outstanding, &asked);
            let mut broker = held.clone();
            for frame in &frames {
                prop_assert!(broker.contains(&frame.tag), "unknown tag {}", frame.tag);
                let before = broker.len();
                broker.retain(|tag| *tag > frame.tag || (*tag < frame.tag && !frame.multiple));
                prop_assert_eq!(before - broker.len(), frame.count);
            }
            let left: BTreeSet<u64> = held.difference(&asked).copied().collect();
            prop_assert_eq!(&broker, &left);
            prop_assert_eq!(&outstanding, &left);
        }
    }
}
