use super::*;
use proptest::prelude::*;

fn ended(breaker: &mut Breaker, health: Health, now: Instant) -> Option<Change> {
    let admitted = breaker.admit(now).expect("it lets a call through");
    breaker.ended(admitted, health, now, 1.0)
}

#[test]
fn it_opens_after_failures_in_a_row_and_when_half_of_the_last_calls_fail() {
    let now = Instant::now();
    let mut breaker = Breaker::new();
    for _ in 0..4 {
        assert_eq!(ended(&mut breaker, Health::Ill, now), None);
    }
    assert_eq!(ended(&mut breaker, Health::Well, now), None);
    for _ in 0..4 {
        assert_eq!(ended(&mut breaker, Health::Ill, now), None);
    }
    assert_eq!(ended(&mut breaker, Health::Ill, now), Some(Change::Opened));

    let mut flapping = Breaker::new();
    let opened = (0..40).position(|n| {
        let health = if n % 2 == 0 { Health::Well } else { Health::Ill };
        ended(&mut flapping, health, now) == Some(Change::Opened)
    });
    assert_eq!(opened, Some(19));

    let mut mostly_well = Breaker::new();
    for n in 0..400 {
        let health = if n % 3 == 0 { Health::Ill } else { Health::Well };
        assert_eq!(ended(&mut mostly_well, health, now), None);
    }
}

#[test]
fn each_try_that_fails_doubles_the_pause_up_to_the_longest_and_one_that_succeeds_ends_it() {
    let mut now = Instant::now();
    let mut breaker = Breaker::new();
    for _ in 0..5 {
        ended(&mut breaker, Health::Ill, now);
    }
    for pause in [500, 1000, 2000, 4000, 4000] {
        assert!(!breaker.admits(now + Duration::from_millis(pause - 1)), "{pause}");
        now += Duration::from_millis(pause);
        assert_eq!(ended(&mut breaker, Health::Ill, now), None);
    }
    now += LONGEST_PAUSE;
    assert_eq!(ended(&mut breaker, Health::Well, now), Some(Change::Closed));
    assert!(breaker.admits(now));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(u64),
    Ask,
    /// The call under way at this place, from the oldest, ends so.
    End(usize, Health),
}

fn steps() -> impl Strategy<Value = Vec<(Step, f64)>> {
    let health = prop_oneof![Just(Health::Well), Just(Health::Ill), Just(Health::Ill), Just(Health::Unknown)];
    let step = prop_oneof![
        (0u64..3000).prop_map(Step::Pass),
        Just(Step::Ask),
        Just(Step::Ask),
        (0usize..4, health).prop_map(|(at, health)| Step::End(at, health)),
    ];
    proptest::collection::vec((step, 0.0..1.0), 0..300)
}

proptest! {
    /// Whatever comes: while it is open tries are rare; it never stays shut for longer than its patience; and once the
    /// fault has ceased it is whole after one try.
    #[test]
    fn open_it_lets_few_through_and_it_is_never_shut_for_long(steps in steps()) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new();
        let (mut open, mut calls) = (false, Vec::new());
        for (step, jitter) in steps {
            match step {
                Step::Pass(ms) => now += Duration::from_millis(ms),
                Step::Ask => {
                    let may = breaker.admits(now);
                    let admitted = breaker.admit(now);
                    prop_assert_eq!(may, admitted.is_some());
                    match admitted {
                        Some(Admitted::Freely) => prop_assert!(!open),
                        Some(Admitted::AsTry) => {
                            prop_assert!(open && !breaker.admits(now), "one at a time");
                        }
                        None => prop_assert!(open, "a sound one was not asked"),
                    }
                    calls.extend(admitted);
                }
                Step::End(at, health) if at < calls.len() => {
                    match breaker.ended(calls.remove(at), health, now, jitter) {
                        Some(Change::Opened) => {
                            prop_assert!(!open);
                            open = true;
                        }
                        Some(Change::Closed) => {
                            prop_assert!(open && health == Health::Well);
                            open = false;
                        }
                        None => {}
                    }
                }
                Step::End(..) => {}
            }
        }
        now += LONGEST_PAUSE.max(PATIENCE);
        let admitted = breaker.admit(now);
        prop_assert!(admitted.is_some(), "shut for longer than its patience");
        breaker.ended(admitted.unwrap(), Health::Well, now, 0.5);
        let whole = matches!(breaker.state, State::Closed { .. });
        prop_assert!(whole);
    }
}
