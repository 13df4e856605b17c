//! From moments to places on a picture: what is long and silent takes little room.

use jiff::{SignedDuration, Timestamp};

/// How long nothing must happen to be drawn short.
const SILENCE: f64 = 600.0;
/// A silence that is a smaller part of the rest than this stays as it is.
const SMALL: f64 = 0.1;
/// How many silences are drawn short at most: the longest.
const MOST_SILENCES: usize = 10;
/// How wide a silence is drawn at least.
const SILENT: f64 = 72.0;
/// How wide the picture is at least and at most, without its margins.
const NARROWEST: f64 = 940.0;
const WIDEST: f64 = 2_600.0;
/// How wide a minute should be, where there is room.
const MINUTE: f64 = 8.0;
/// How wide a second is at most beside a silence: two moments with hours between them are not two ends of a picture.
const SECOND: f64 = 4.0;
/// Room on both sides, for what stands on the first and the last moment.
const MARGIN: f64 = 24.0;
/// How far apart two ticks are at least.
const TICK: f64 = 84.0;
/// How wide a character of a tick's words is, about.
const CHARACTER: f64 = 6.4;
/// Spans between ticks, in seconds.
const STEPS: [i64; 19] =
    [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 604_800, 2_592_000];

/// A stretch of time, in seconds since 1970, and where it is drawn.
#[derive(Clone, Debug, PartialEq)]
struct Stretch {
    from: f64,
    until: f64,
    x: f64,
    width: f64,
    silent: bool,
}

/// The axis of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    stretches: Vec<Stretch>,
    width: f64,
}

/// A silence that is drawn short.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gap {
    pub(super) x: f64,
    pub(super) width: f64,
    pub(super) lasted: SignedDuration,
}

/// A moment with words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) x: f64,
    /// The middle of its words, which stay within the picture.
    pub(super) middle: f64,
    pub(super) words: String,
}

impl Axis {
    /// An axis that holds all of these moments, at which something happened, in any order.
    pub(super) fn new(moments: &[Timestamp]) -> Self {
        let mut moments: Vec<f64> = moments.iter().copied().map(seconds).collect();
        moments.sort_by(f64::total_cmp);
        let from = moments.first().copied().unwrap_or(0.0);
        let until = moments.last().copied().unwrap_or(0.0).max(from + 60.0);
        let silences = silences(&moments, until - from);
        let short: f64 = silences.iter().map(|(from, until)| until - from).sum();
        let active = (until - from - short).max(1.0);
        let room = SILENT * silences.len() as f64;
        let wide = (active / 60.0 * MINUTE + room).clamp(NARROWEST, WIDEST);
        let (scale, silent) = match silences.len() {
            0 => (wide / active, 0.0),
            count => {
                let scale = ((wide - room) / active).min(SECOND);
                (scale, (wide - active * scale) / count as f64)
            }
        };
        let mut stretches = Vec::with_capacity(silences.len() * 2 + 1);
        let (mut at, mut x) = (from, MARGIN);
        for (begin, end) in silences {
            let width = (begin - at) * scale;
            stretches.push(Stretch { from: at, until: begin, x, width, silent: false });
            stretches.push(Stretch { from: begin, until: end, x: x + width, width: silent, silent: true });
            (at, x) = (end, x + width + silent);
        }
        stretches.push(Stretch { from: at, until, x, width: (until - at) * scale, silent: false });
        Self { stretches, width: wide + 2.0 * MARGIN }
    }

    /// How wide the picture is.
    pub(super) fn width(&self) -> f64 {
        self.width
    }

    /// Where a moment is; what lies outside is at the edge.
    pub(super) fn x(&self, at: Timestamp) -> f64 {
        let at = seconds(at);
        let stretch = self.stretches.iter().find(|stretch| at <= stretch.until).or(self.stretches.last());
        let Some(stretch) = stretch else { return MARGIN };
        let part = (at - stretch.from) / (stretch.until - stretch.from).max(f64::EPSILON);
        stretch.x + part.clamp(0.0, 1.0) * stretch.width
    }

    /// The silences that are drawn short.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let silent = self.stretches.iter().filter(|stretch| stretch.silent);
        silent
            .map(|stretch| Gap {
                x: stretch.x,
                width: stretch.width,
                lasted: SignedDuration::from_secs((stretch.until - stretch.from) as i64),
            })
            .collect()
    }

    /// Moments to write along the axis, in UTC: where each stretch begins, and round ones in between. The day is written
    /// where it is another than the one before.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let scale = self.stretches.iter().filter(|stretch| !stretch.silent && stretch.width > 0.0);
        let scale = scale.map(|stretch| (stretch.until - stretch.from) / stretch.width).fold(0.0_f64, f64::max);
        let step = STEPS.into_iter().find(|step| *step as f64 / scale.max(f64::EPSILON) >= TICK);
        let longest = STEPS[STEPS.len() - 1];
        let step = step.unwrap_or(((TICK * scale) as i64 / longest + 1).saturating_mul(longest));
        let mut ticks: Vec<Tick> = Vec::new();
        let (mut day, mut free) = (None, f64::MIN);
        for stretch in self.stretches.iter().filter(|stretch| !stretch.silent) {
            let mut at = stretch.from as i64;
            while at as f64 <= stretch.until {
                let Ok(moment) = Timestamp::from_second(at) else { break };
                // Where a stretch begins stands, even if that is no round moment; its mark is not moved by a fraction.
                let x = if at as f64 <= stretch.from { stretch.x } else { self.x(moment) };
                let today = moment.strftime("%-d %b").to_string();
                let clock = moment.strftime(if step < 60 { "%H:%M:%S" } else { "%H:%M" }).to_string();
                let words = if day.as_ref() == Some(&today) { clock } else { format!("{today} {clock}") };
                let half = words.len() as f64 * CHARACTER / 2.0;
                let middle = x.min(self.width - half - 2.0).max(half + 2.0);
                if middle - half >= free {
                    free = middle + half + 6.0;
                    ticks.push(Tick { x, middle, words });
                    day = Some(today);
                }
                at = (at.div_euclid(step) + 1) * step;
            }
        }
        ticks
    }
}

/// The silences that are worth drawing short, in order. `moments` are in order, too.
fn silences(moments: &[f64], whole: f64) -> Vec<(f64, f64)> {
    let mut silences: Vec<(f64, f64)> =
        moments.windows(2).map(|pair| (pair[0], pair[1])).filter(|(from, until)| until - from >= SILENCE).collect();
    silences.sort_by(|one, other| (other.1 - other.0).total_cmp(&(one.1 - one.0)));
    silences.truncate(MOST_SILENCES);
    let short: f64 = silences.iter().map(|(from, until)| until - from).sum();
    let active = whole - short;
    silences.retain(|(from, until)| until - from >= active * SMALL);
    silences.sort_by(|one, other| one.0.total_cmp(&other.0));
    silences
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().expect("a time")
    }

    fn moments(texts: &[&str]) -> Axis {
        let moments: Vec<_> = texts.iter().map(|text| at(text)).collect();
        Axis::new(&moments)
    }

    fn words(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|tick| tick.words).collect()
    }

    #[test]
    fn a_short_incident_has_round_ticks() {
        let axis = moments(&["14:02:00", "14:09:00", "14:18:00", "14:26:00", "14:31:00"]);
        assert_eq!(axis.gaps(), []);
        assert_eq!(axis.width(), NARROWEST + 2.0 * MARGIN);
        assert_eq!(words(&axis)[..3], ["21 Nov 14:02", "14:05", "14:10"]);
        assert!(axis.x(at("14:02:00")) == MARGIN && axis.x(at("14:31:00")) == MARGIN + NARROWEST);
        assert!(
            axis.x(at("13:00:00")) == MARGIN && axis.x(at("23:00:00")) == MARGIN + NARROWEST,
            "outside is the edge"
        );
    }

    #[test]
    fn a_long_silence_takes_little_room_and_says_how_long_it_was() {
        let axis = moments(&["02:00:00", "02:05:00", "09:05:00", "09:09:00", "09:14:00", "09:20:00"]);
        let gaps = axis.gaps();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(gaps[0].lasted, SignedDuration::from_hours(7));
        assert!((gaps[0].width - SILENT).abs() < 0.01, "{gaps:?}");
        assert!(axis.x(at("09:05:00")) - axis.x(at("02:05:00")) - SILENT < 0.01);
        let middle = axis.x(at("05:35:00"));
        assert!(middle > gaps[0].x && middle < gaps[0].x + SILENT, "a moment within is drawn within");
        assert!(words(&axis).contains(&"09:05".to_owned()), "{:?}", words(&axis));
    }

    #[test]
    fn a_day_is_written_where_it_begins() {
        let midnight: Timestamp = "2026-11-22T00:00:00Z".parse().expect("a time");
        let moments: Vec<_> = (-12..36).map(|index| midnight + SignedDuration::from_mins(index * 5)).collect();
        let words = words(&Axis::new(&moments));
        assert_eq!(words[0], "21 Nov 23:00");
        assert!(words.contains(&"22 Nov 00:00".to_owned()), "{words:?}");
        assert_eq!(words.iter().filter(|words| words.contains("Nov")).count(), 2, "{words:?}");
    }

    #[test]
    fn one_moment_and_none_and_years_are_drawn() {
        assert!(Axis::new(&[]).ticks().len() < 20);
        assert!(moments(&["14:02:31"]).x(at("14:02:31")).is_finite());
        let two = moments(&["02:00:00", "09:00:00"]);
        assert!((two.x(at("09:00:00")) - MARGIN - NARROWEST).abs() < 0.01 + SECOND, "the silence fills the picture");
        let years = Axis::new(&[Timestamp::UNIX_EPOCH, at("14:00:00"), at("14:01:00")]);
        assert_eq!(years.gaps().len(), 1);
        let all = Axis::new(&[Timestamp::MIN, Timestamp::MAX]);
        assert!(all.ticks().len() < 100 && all.width() <= WIDEST + 2.0 * MARGIN);
    }

    #[test]
    fn many_silences_leave_room_for_what_happened() {
        let moments: Vec<_> =
            (0..400).map(|hour| Timestamp::from_second(1_800_000_000 + hour * 3_600).expect("a time")).collect();
        let axis = Axis::new(&moments);
        assert!(axis.gaps().len() <= MOST_SILENCES && axis.width() <= WIDEST + 2.0 * MARGIN);
        let mut last = f64::MIN;
        for at in &moments {
            assert!(axis.x(*at) >= last, "later is never further left");
            last = axis.x(*at);
        }
    }
}
