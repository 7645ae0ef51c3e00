//! From a comparison to its summary: which means are taken over which images.

use super::{
    AgainstChance, Baseline, BaselineSummary, Comparison, Difference, Estimate, Group, GroupSummary,
    LocalisationDifference, LocalisationScores, LocalisationSummaries, Measure, Method, MethodSummary,
    OddMaps, Summary,
    estimates::Estimator,
    remarks::{notes, undefined, warnings},
    scores::{Located, Scores},
    sign_flip::holm,
};
use crate::metrics::Interval;

/// Summarises a checked comparison.
pub(super) fn summarise(comparison: &Comparison, slides: Option<&[usize]>) -> Summary {
    let Comparison { images, methods, settings, .. } = comparison;
    let estimator = &Estimator { slides, bootstrap: &settings.bootstrap };
    let scored: Vec<(&Method, Scores)> =
        methods.iter().map(|method| (method, Scores::of(comparison, method))).collect();
    let mut summary = Summary {
        images: images.len() as u64,
        slides: estimator.slide_count(),
        protocol: comparison.protocol,
        points: comparison.fractions.len() as u64,
        deletion_baseline: comparison.deletion_baseline.clone(),
        insertion_baseline: comparison.insertion_baseline.clone(),
        threshold: settings.threshold,
        bootstrap: settings.bootstrap,
        methods: scored.iter().map(|(it, scores)| of_method(comparison, it, scores, estimator)).collect(),
        differences: differences(&scored, estimator),
        baselines: comparison.baselines.iter().map(|it| of_baseline(it, estimator)).collect(),
        warnings: warnings(comparison),
        undefined: Vec::new(),
        notes: Vec::new(),
    };
    Measure::ALL.into_iter().for_each(|measure| correct(&mut summary.differences, measure));
    summary.undefined = undefined(&summary, settings.centre_box);
    summary.notes = notes(&summary);
    summary
}

/// Corrects the p-values of a measure for their number. A reader asks which methods differ in one measure; several
/// measures of the same maps say similar things, and correcting for all of them would hide most differences.
fn correct(differences: &mut [Difference], measure: Measure) {
    let tested = differences.iter_mut().filter_map(|difference| measure.of_difference_mut(difference));
    let mut tested: Vec<_> = tested.filter(|estimate| estimate.p_value.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|estimate| estimate.p_value).collect();
    tested.iter_mut().zip(holm(&p_values)).for_each(|(estimate, p)| estimate.p_corrected = Some(p));
}

fn of_method(
    comparison: &Comparison,
    method: &Method,
    scores: &Scores,
    estimator: &Estimator<'_>,
) -> MethodSummary {
    let maps = comparison.images.iter().zip(&method.explained).map(|(image, it)| (image.row, it.map));
    MethodSummary {
        label: method.label.clone(),
        control: method.control,
        odd_maps: OddMaps::of(maps),
        deletion: estimator.mean(scores.deletion.iter().copied()),
        insertion: estimator.mean(scores.insertion.iter().copied()),
        groups: Group::ALL.map(|group| of_group(comparison, group, scores, estimator)).to_vec(),
        localisation: LocalisationSummaries {
            centre_box: of_region(&scores.centre_box, estimator),
            mask: of_region(&scores.mask, estimator),
        },
    }
}

fn of_group(comparison: &Comparison, group: Group, scores: &Scores, on: &Estimator<'_>) -> GroupSummary {
    let inside = group.members(comparison);
    let within = |values: &[Option<f64>]| {
        on.mean(values.iter().zip(&inside).map(|(value, inside)| value.filter(|_| *inside)))
    };
    GroupSummary {
        group,
        images: inside.iter().filter(|inside| **inside).count() as u64,
        deletion: within(&scores.deletion),
        insertion: within(&scores.insertion),
    }
}

/// The localisation of the maps of one method; `None` if no map was compared with a region.
pub(in crate::metrics) fn of_region(
    located: &Located,
    estimator: &Estimator<'_>,
) -> Option<LocalisationScores> {
    let chances: Vec<f64> = located.chance.iter().copied().flatten().collect();
    if chances.is_empty() {
        return None;
    }
    let chance = chances.iter().sum::<f64>() / chances.len() as f64;
    let against_chance = |values: &[Option<f64>]| {
        let lift = estimator.ratio(values, &located.chance);
        let score = estimator.mean(values.iter().copied());
        AgainstChance { score, lift: lift.mean, lift_interval: lift.interval }
    };
    // Its chance is taken as known: the interval of the lift is that of the share.
    let pointing = estimator.share(&located.pointing);
    let lift = |Interval { low, high }| Interval { low: low / chance, high: high / chance };
    Some(LocalisationScores {
        images: chances.len() as u64,
        chance,
        without_energy: (chances.len() - located.energy.iter().flatten().count()) as u64,
        energy: against_chance(&located.energy),
        pointing: AgainstChance {
            score: pointing,
            lift: pointing.mean.map(|mean| mean / chance),
            lift_interval: pointing.interval.map(lift),
        },
        rank: against_chance(&located.rank),
    })
}

/// Every pair of explanations, then every explanation and every control.
fn differences(scored: &[(&Method, Scores)], estimator: &Estimator<'_>) -> Vec<Difference> {
    let (controls, explanations): (Vec<_>, Vec<_>) = scored.iter().partition(|(method, _)| method.control);
    let mut all = Vec::new();
    for (index, one) in explanations.iter().enumerate() {
        let others = explanations[index + 1..].iter().chain(&controls);
        all.extend(others.map(|other| difference(one, other, estimator)));
    }
    all
}

fn difference(
    (method, one): &(&Method, Scores),
    (against, other): &(&Method, Scores),
    estimator: &Estimator<'_>,
) -> Difference {
    let minus = |one: &[Option<f64>], other: &[Option<f64>]| -> Estimate {
        estimator.difference(one.iter().zip(other).map(|(one, other)| Some((*one)? - (*other)?)))
    };
    let located = |one: &Located, other: &Located| {
        (!one.is_empty() && !other.is_empty()).then(|| LocalisationDifference {
            energy: minus(&one.energy, &other.energy),
            pointing: minus(&one.pointing, &other.pointing),
            rank: minus(&one.rank, &other.rank),
        })
    };
    Difference {
        method: method.label.clone(),
        against: against.label.clone(),
        deletion: minus(&one.deletion, &other.deletion),
        insertion: minus(&one.insertion, &other.insertion),
        centre_box: located(&one.centre_box, &other.centre_box),
        mask: located(&one.mask, &other.mask),
    }
}

fn of_baseline(baseline: &Baseline, estimator: &Estimator<'_>) -> BaselineSummary {
    let scores = || baseline.scores.iter().copied();
    BaselineSummary {
        name: baseline.name.clone(),
        score: estimator.mean(scores().map(Some)),
        low: scores().reduce(f64::min),
        high: scores().reduce(f64::max),
    }
}
