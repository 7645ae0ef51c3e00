//! From a comparison to its summary: which means are taken over which images.

use super::{
    AgainstChance, BaselineSummary, Comparison, Difference, Group, GroupSummary, LocalisationDifference,
    LocalisationScores, LocalisationSummaries, Method, MethodSummary, OddMaps, Summary,
    estimates::{Ask, Question, answered},
    remarks::{notes, undefined, warnings},
    scores::{Located, Scores, Values, minus},
    sign_flip::holm,
};
use crate::metrics::Interval;

/// Sums up a comparison that was checked.
pub(super) fn summarise(comparison: &Comparison, slides: Option<&[usize]>) -> Summary {
    let Comparison { images, methods, settings, .. } = comparison;
    let scores: Vec<Scores> = methods.iter().map(|method| Scores::of(comparison, method)).collect();
    let (methods, differences, baselines) = answered(slides, &settings.bootstrap, |ask| {
        let each = methods.iter().zip(&scores);
        let methods: Vec<_> =
            each.map(|(method, scores)| of_method(comparison, method, scores, ask)).collect();
        (methods, differences(comparison, &scores, ask), baselines(comparison, ask))
    });
    let mut summary = Summary {
        images: images.len() as u64,
        slides: slides.map(|slides| slides.iter().max().map_or(0, |last| *last as u64 + 1)),
        protocol: comparison.protocol,
        points: comparison.fractions.len() as u64,
        deletion_baseline: comparison.deletion_baseline.clone(),
        insertion_baseline: comparison.insertion_baseline.clone(),
        threshold: settings.threshold,
        bootstrap: settings.bootstrap,
        methods,
        differences,
        baselines,
        warnings: warnings(comparison),
        undefined: Vec::new(),
        notes: Vec::new(),
    };
    correct(&mut summary.differences);
    summary.undefined = undefined(&summary);
    summary.notes = notes(&summary);
    summary
}

/// Corrects all p-values for their number.
fn correct(differences: &mut [Difference]) {
    let tested = differences.iter_mut().flat_map(Difference::estimates_mut);
    let mut tested: Vec<_> = tested.filter(|estimate| estimate.p_value.is_some()).collect();
    let p_values: Vec<f64> = tested.iter().filter_map(|estimate| estimate.p_value).collect();
    tested.iter_mut().zip(holm(&p_values)).for_each(|(estimate, p)| estimate.p_corrected = Some(p));
}

fn mean(values: &Values, ask: &mut Ask<'_>) -> super::Estimate {
    ask(Question::mean(values.iter().copied()))
}

fn of_method(comparison: &Comparison, method: &Method, scores: &Scores, ask: &mut Ask<'_>) -> MethodSummary {
    MethodSummary {
        label: method.label.clone(),
        control: method.control,
        odd_maps: OddMaps::of(
            comparison.images.iter().zip(&method.explained).map(|(image, it)| (image.row, it.map)),
        ),
        deletion: mean(&scores.deletion, ask),
        insertion: mean(&scores.insertion, ask),
        groups: Group::ALL.map(|group| of_group(comparison, group, scores, ask)).to_vec(),
        localisation: LocalisationSummaries {
            centre_box: of_region(&scores.centre_box, ask),
            mask: of_region(&scores.mask, ask),
        },
    }
}

fn of_group(comparison: &Comparison, group: Group, scores: &Scores, ask: &mut Ask<'_>) -> GroupSummary {
    let threshold = comparison.settings.threshold;
    let inside: Vec<bool> =
        comparison.images.iter().map(|image| Group::of(image, threshold) == group).collect();
    let within = |values: &Values| -> Values {
        values.iter().zip(&inside).map(|(value, inside)| value.filter(|_| *inside)).collect()
    };
    GroupSummary {
        group,
        images: inside.iter().filter(|inside| **inside).count() as u64,
        deletion: mean(&within(&scores.deletion), ask),
        insertion: mean(&within(&scores.insertion), ask),
    }
}

/// The localisation of the maps of one method; `None` where no map was held against a region.
pub(in crate::metrics) fn of_region(located: &Located, ask: &mut Ask<'_>) -> Option<LocalisationScores> {
    let chances: Vec<f64> = located.chance.iter().copied().flatten().collect();
    if chances.is_empty() {
        return None;
    }
    let chance = chances.iter().sum::<f64>() / chances.len() as f64;
    Some(LocalisationScores {
        images: chances.len() as u64,
        chance,
        without_energy: (chances.len() - located.energy.iter().flatten().count()) as u64,
        energy: against_chance(&located.energy, &located.chance, ask),
        pointing: share_against_chance(&located.pointing, chance, ask),
        rank: against_chance(&located.rank, &located.chance, ask),
    })
}

fn against_chance(values: &Values, chance: &Values, ask: &mut Ask<'_>) -> AgainstChance {
    let score = mean(values, ask);
    let lift = ask(Question::ratio(values, chance.iter().copied()));
    AgainstChance { score, lift: lift.mean, lift_interval: lift.interval }
}

/// The chance of the images is taken as it is: the interval of the lift is that of the share.
fn share_against_chance(values: &Values, chance: f64, ask: &mut Ask<'_>) -> AgainstChance {
    let score = ask(Question::share(values.iter().copied()));
    let lift_interval =
        score.interval.map(|Interval { low, high }| Interval { low: low / chance, high: high / chance });
    AgainstChance { score, lift: score.mean.map(|mean| mean / chance), lift_interval }
}

/// Every two explanations in their order, then every explanation against every control.
fn differences(comparison: &Comparison, scores: &[Scores], ask: &mut Ask<'_>) -> Vec<Difference> {
    let methods: Vec<(&Method, &Scores)> = comparison.methods.iter().zip(scores).collect();
    let (controls, explanations): (Vec<_>, Vec<_>) =
        methods.into_iter().partition(|(method, _)| method.control);
    let mut all = Vec::new();
    for (index, one) in explanations.iter().enumerate() {
        let others = explanations[index + 1..].iter().chain(&controls);
        all.extend(others.map(|other| difference(*one, *other, ask)));
    }
    all
}

fn difference(
    (method, one): (&Method, &Scores),
    (against, other): (&Method, &Scores),
    ask: &mut Ask<'_>,
) -> Difference {
    Difference {
        method: method.label.clone(),
        against: against.label.clone(),
        deletion: differs(&minus(&one.deletion, &other.deletion), ask),
        insertion: differs(&minus(&one.insertion, &other.insertion), ask),
        centre_box: region_difference(&one.centre_box, &other.centre_box, ask),
        mask: region_difference(&one.mask, &other.mask, ask),
    }
}

fn region_difference(one: &Located, other: &Located, ask: &mut Ask<'_>) -> Option<LocalisationDifference> {
    (!one.is_empty() && !other.is_empty()).then(|| LocalisationDifference {
        energy: differs(&minus(&one.energy, &other.energy), ask),
        pointing: differs(&minus(&one.pointing, &other.pointing), ask),
        rank: differs(&minus(&one.rank, &other.rank), ask),
    })
}

/// The mean of differences, tested.
fn differs(values: &Values, ask: &mut Ask<'_>) -> super::Estimate {
    ask(Question::difference(values.iter().copied()))
}

fn baselines(comparison: &Comparison, ask: &mut Ask<'_>) -> Vec<BaselineSummary> {
    let summary = |baseline: &super::Baseline| BaselineSummary {
        name: baseline.name.clone(),
        score: ask(Question::mean(baseline.scores.iter().copied().map(Some))),
        low: baseline.scores.iter().copied().reduce(f64::min),
        high: baseline.scores.iter().copied().reduce(f64::max),
    };
    comparison.baselines.iter().map(summary).collect()
}
