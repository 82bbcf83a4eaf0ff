//! Small charts, drawn here as SVG: no script, no style of their own, and nothing in them that is not in the table beside them.

use maud::{Markup, html};

const WIDTH: u64 = 600;
const HEIGHT: u64 = 120;
/// Below the bars, for the two ends' labels.
const FOOT: u64 = 24;

/// One bar: its label, and of how many parts it is made, from the bottom on.
pub struct Bar<const N: usize> {
    pub label: String,
    pub parts: [u64; N],
}

/// Bars over time. `said` is the whole of it in a sentence, for whoever does not see it; each part is a class of its own in the style
/// sheet.
pub fn bars<const N: usize>(said: &str, classes: [&str; N], bars: &[Bar<N>]) -> Markup {
    let most = bars.iter().map(|bar| bar.parts.iter().sum::<u64>()).max().unwrap_or_default().max(1);
    let room = WIDTH / u64::try_from(bars.len().max(1)).unwrap_or(1);
    let height = |value: u64| (value * HEIGHT).div_ceil(most).min(HEIGHT);
    let (first, last) = (bars.first().map(|bar| bar.label.as_str()), bars.last().map(|bar| bar.label.as_str()));
    html! {
        svg.caregate-chart role="img" aria-label=(said) viewBox={ "0 0 " (WIDTH) " " (HEIGHT + FOOT) } preserveAspectRatio="none" {
            line.caregate-chart__axis x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            @for (at, bar) in (0_u64..).zip(bars) {
                @for (part, class) in classes.iter().enumerate() {
                    @let below: u64 = bar.parts.iter().take(part).sum();
                    @let value = bar.parts.get(part).copied().unwrap_or_default();
                    @let (bottom, top) = (height(below), height(below + value));
                    @if value > 0 {
                        rect class=(class) x=(at * room) y=(HEIGHT - top) width=((room - 1).max(1)) height=((top - bottom).max(1)) {}
                    }
                }
            }
        }
        p.caregate-chart__ends aria-hidden="true" {
            span { (first.unwrap_or_default()) }
            span { "most: " (most) }
            span { (last.unwrap_or_default()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_drawn_within_its_bounds_and_says_what_it_shows() {
        let all: Vec<Bar<2>> = (0..40).map(|n| Bar { label: format!("<{n}>"), parts: [n * 1_000_000, n] }).collect();
        let told = bars("Calls <b>", ["a", "b"], &all).into_string();
        assert!(told.contains("aria-label=\"Calls &lt;b&gt;\"") && told.contains("&lt;39&gt;"), "{told}");
        assert!(!told.contains("style=") && !told.contains("-1"), "{told}");
        // nothing at all is a chart too
        assert!(bars::<1>("None", ["a"], &[]).into_string().contains("<svg"));
    }
}
