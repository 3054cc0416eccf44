//! A scene as its author would have typed it, every field spelled out.

use std::fmt::{Display, Write as _};

use telenovela_script::scene::{AuthoredLine, Beat, Scene, SecretId, TurnPolicy};

use crate::show::SHOW;

/// `[a, b]`
fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    format!("[{}]", items.join(", "))
}

/// `[ "a", "b" ]`
pub(crate) fn quoted(items: &[String]) -> String {
    list(items.iter().map(|item| format!("{item:?}")))
}

/// `{ a: 1, b: 2 }`
fn mapping<K: Display, V: Display>(items: impl IntoIterator<Item = (K, V)>) -> String {
    let items: Vec<String> = items
        .into_iter()
        .map(|(k, v)| format!("{k}: {v}"))
        .collect();
    format!("{{ {} }}", items.join(", "))
}

fn policy(policy: TurnPolicy) -> &'static str {
    match policy {
        TurnPolicy::RoundRobin => "round_robin",
        TurnPolicy::List => "list",
        TurnPolicy::Weighted => "weighted",
        TurnPolicy::Bid => "bid",
        TurnPolicy::Manual => "manual",
    }
}

pub(crate) fn line(line: &AuthoredLine) -> String {
    let mut text = format!("{{ by: {}, text: {:?}", line.by, line.text);
    if let Some(to) = &line.visible_to {
        let _ = write!(text, ", visible_to: {}", list(to));
    }
    if let Some(how) = &line.delivery {
        let _ = write!(text, ", delivery: {how}");
    }
    if let Some(ms) = line.pause_before_ms {
        let _ = write!(text, ", pause_before: {}", ms as f64 / 1000.0);
    }
    text + " }"
}

/// The file. `kept` are the secrets that are to stay secrets.
pub(crate) fn scene(scene: &Scene, kept: &[SecretId]) -> String {
    let mut text = format!(
        "title: {}\nshow: {SHOW}\nsetting: {{ place: {}, time: {}, interior: {} }}\ncast: {}\nabsent: {}\npolicy: {}\ntakes: {}\nmax_lines: {}\n",
        scene.title,
        scene.setting.place,
        scene.setting.time,
        scene.setting.interior,
        list(&scene.cast),
        list(&scene.absent),
        policy(scene.policy),
        scene.takes,
        scene.max_lines,
    );
    // Writing to a string cannot fail.
    if let Some(arc) = &scene.arc {
        let _ = writeln!(text, "arc: {arc}");
    }
    if !scene.order.is_empty() {
        let _ = writeln!(text, "order: {}", list(&scene.order));
    }
    let limits = [
        ("repeats", scene.limits.repeats),
        ("idle", scene.limits.idle),
    ];
    let limits = limits.into_iter().filter_map(|(name, n)| Some((name, n?)));
    let limits = limits.chain([("ping_pong", scene.limits.ping_pong)]);
    let _ = writeln!(text, "limits: {}", mapping(limits));
    if !scene.threads.is_empty() {
        text.push_str("threads:\n");
    }
    for thread in &scene.threads {
        let _ = writeln!(
            text,
            "  - {{ id: {}, question: {:?}, must_resolve: {}, open: {}, carried: {}, resolution: Yes. }}",
            thread.id, thread.question, thread.must_resolve, thread.open, thread.carried
        );
    }
    if !scene.secrets.is_empty() {
        text.push_str("secrets:\n");
    }
    for secret in &scene.secrets {
        let _ = writeln!(
            text,
            "  - {{ id: {}, known_by: {}, prime: {}, kept: {} }}",
            secret.id,
            list(&secret.known_by),
            quoted(&secret.prime),
            kept.contains(&secret.id)
        );
    }
    text.push_str("beats:\n");
    for beat in &scene.beats {
        text.push_str(&self::beat(beat));
    }
    let _ = writeln!(text, "ending: {{ card: {:?} }}", scene.ending.card);
    text
}

fn beat(beat: &Beat) -> String {
    let mut text = format!("  - id: {}\n", beat.id);
    let mut field = |name: &str, value: String| {
        let _ = writeln!(text, "    {name}: {value}");
    };
    if let Some(step) = &beat.step {
        field("step", step.to_string());
    }
    field("title", beat.title.clone());
    field("tension", beat.tension.to_string());
    if let Some(of_beat) = beat.policy {
        field("policy", policy(of_beat).to_owned());
    }
    if !beat.order.is_empty() {
        field("order", list(&beat.order));
    }
    if let Some(to) = &beat.visible_to {
        field("visible_to", list(to));
    }
    field("enter", list(&beat.enter));
    field("exit", list(&beat.exit));
    field(
        "speakers",
        mapping(beat.speakers.iter().map(|(k, v)| (k, v))),
    );
    field("roles", mapping(beat.roles.iter().map(|(k, v)| (k, v))));
    field(
        "prime",
        mapping(beat.prime.iter().map(|(k, v)| (k, quoted(v)))),
    );
    field("motifs", list(&beat.motifs));
    field("deliveries", list(&beat.deliveries));
    if let Some(likely) = beat.interruptions {
        field("interruptions", likely.to_string());
    }
    field("plot", mapping(beat.plot.iter().map(|(k, v)| (k, v))));
    field("open_with", list(beat.open_with.iter().map(line)));
    field("must_say", list(beat.must_say.iter().map(line)));
    field("close_with", list(beat.close_with.iter().map(line)));
    field(
        "lines",
        mapping([("min", beat.min_lines), ("max", beat.max_lines)]),
    );
    let waiting = &beat.done_when;
    let waits = format!(
        "{{ motifs: {}, everybody: {}, speakers: {}, words: {} }}",
        waiting.motifs,
        waiting.everybody,
        list(&waiting.speakers),
        list(&waiting.words)
    );
    field("done_when", waits);
    let threads = [
        ("opens", &beat.opens),
        ("advances", &beat.advances),
        ("resolves", &beat.resolves),
    ];
    field(
        "threads",
        mapping(threads.map(|(name, ids)| (name, list(ids)))),
    );
    field("reveals", list(&beat.reveals));
    text
}
