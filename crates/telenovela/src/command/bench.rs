//! `telenovela bench`

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use serde_json::{Value, json};
use telenovela_lm::bench::{
    SPEAK, SpeakWorkload, TRAIN, TrainWorkload, limits, made_up_text, peak_memory, tokens_of,
};
use telenovela_lm::compute::Compute;
use telenovela_lm::kernel::{self, Precision};
use telenovela_lm::network::Numbers;

use super::train::{KEEP_MEMORY, THREADS};
use super::{note, print};
use crate::cli::{Bench, Benched};
use crate::failure::Failure;

/// Tokens of the text that is made up where none is given.
const MADE_UP: usize = 500_000;
/// Of the measurement of a limit, as a share of that of a workload.
const SECONDS_OF_LIMIT: f64 = 0.25;

/// Measures workloads, each in a process of its own: so its peak of memory is its own, and candle works on as many threads as asked for.
pub(super) fn run(args: &Bench) -> Result<ExitCode, Failure> {
    let threads = args.threads.map_or_else(
        || std::thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let child = |name: &str| in_child(name, threads, args);
    if let Some(name) = &args.only {
        let (name, workload) = find(name)?;
        // Here, when candle's threads are chosen: by the user, or by this program when it started itself.
        let measured = if THREADS.iter().any(|name| std::env::var_os(name).is_some()) {
            measure(&name, &workload, threads, args)?
        } else {
            child(&name)?
        };
        print(&format!("{measured}\n"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let wants = |what| args.what.is_none_or(|wanted| wanted == what);
    let limits = child(LIMITS)?;
    let mut document = json!({"threads": threads, "limits": limits});
    if wants(Benched::Train) {
        let names = TRAIN
            .iter()
            .flat_map(|workload| PRECISIONS.map(|precision| training_name(workload, precision)));
        let measured = names.map(|name| child(&name));
        document["train"] = measured.collect::<Result<Vec<_>, _>>()?.into();
    }
    if wants(Benched::Speak) {
        let measured = speaking().map(|(name, _)| child(&name));
        document["speak"] = measured.collect::<Result<Vec<_>, _>>()?.into();
    }
    if args.json {
        print(&format!("{document:#}\n"))?;
    } else {
        print(&table(&document))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Numbers that training is measured in.
const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::Bf16];

/// `T1` in f32, `T1-bf16` in bfloat16.
fn training_name(workload: &TrainWorkload, precision: Precision) -> String {
    match precision {
        Precision::F32 => workload.name.to_owned(),
        Precision::Bf16 => format!("{}-bf16", workload.name),
    }
}

/// Weights that speaking is measured with, what is shipped first.
const NUMBERS: [Numbers; 3] = [Numbers::Int8, Numbers::Bf16, Numbers::F32];

/// The workloads of speaking: `G1-256` with the weights that are shipped, `G1-256-f32` with others. Six models by turns show threads, not
/// numbers.
fn speaking() -> impl Iterator<Item = (String, Workload)> {
    SPEAK.into_iter().flat_map(|workload| {
        let compared = if workload.models > 1 {
            1
        } else {
            NUMBERS.len()
        };
        NUMBERS.into_iter().take(compared).map(move |numbers| {
            let name = match numbers {
                Numbers::Int8 => workload.name.to_owned(),
                Numbers::Bf16 => format!("{}-bf16", workload.name),
                Numbers::F32 => format!("{}-f32", workload.name),
            };
            (name, Workload::Speak(workload, numbers))
        })
    })
}

/// Names the measurement of what the machine can do.
const LIMITS: &str = "limits";

/// Starts this program again for one workload and reads what it prints.
fn in_child(name: &str, threads: usize, args: &Bench) -> Result<Value, Failure> {
    if !args.json && args.only.is_none() {
        note(&format!("measuring {name} …"));
    }
    // Training and speaking have threads of their own; candle's would only be in their way.
    let threads_of_candle = if name == LIMITS { threads } else { 1 };
    let failed = |source| Failure::Io {
        what: "this program cannot start itself".into(),
        source,
    };
    let mut again = Command::new(std::env::current_exe().map_err(failed)?);
    again
        .args(["bench", "--only", name])
        .args(["--threads", &threads.to_string()])
        .args(["--seconds", &args.seconds.to_string()])
        .envs(THREADS.map(|variable| (variable, threads_of_candle.to_string())))
        .envs(KEEP_MEMORY)
        .stderr(Stdio::inherit());
    if let Some(text) = &args.text {
        again.arg("--text").arg(text);
    }
    let output = again.output().map_err(failed)?;
    let measured = serde_json::from_slice(&output.stdout).ok();
    measured
        .filter(|_| output.status.success())
        .ok_or_else(|| Failure::Input(format!("workload {name} could not be measured")))
}

/// What can be measured by itself.
enum Workload {
    Limits,
    Train(TrainWorkload, Precision),
    Speak(SpeakWorkload, Numbers),
}

/// Everything that can be measured by itself, with its name.
fn workloads() -> Vec<(String, Workload)> {
    let train = |workload: TrainWorkload| {
        let named = |precision| {
            let name = training_name(&workload, precision);
            (name, Workload::Train(workload, precision))
        };
        PRECISIONS.map(named)
    };
    let mut all: Vec<(String, Workload)> = TRAIN.into_iter().flat_map(train).collect();
    all.extend(speaking());
    all.push((LIMITS.to_owned(), Workload::Limits));
    all
}

/// A workload and how its name is written.
fn find(name: &str) -> Result<(String, Workload), Failure> {
    let mut names = Vec::new();
    for (known, workload) in workloads() {
        if known.eq_ignore_ascii_case(name) {
            return Ok((known, workload));
        }
        names.push(known);
    }
    let names = names.join(", ");
    Err(Failure::Input(format!(
        "there is no workload `{name}`; there are {names}"
    )))
}

/// Measures one workload in this process.
fn measure(
    name: &str,
    workload: &Workload,
    threads: usize,
    args: &Bench,
) -> Result<Value, Failure> {
    match workload {
        Workload::Limits => measure_limits(threads, args.seconds * SECONDS_OF_LIMIT),
        Workload::Train(workload, precision) => {
            measure_training(workload, Compute::new(threads, *precision), args)
        }
        Workload::Speak(workload, numbers) => {
            let mut measured = measure_speaking(workload, *numbers, threads, args.seconds)?;
            measured["workload"] = name.into();
            Ok(measured)
        }
    }
}

fn measure_limits(threads: usize, seconds: f64) -> Result<Value, Failure> {
    let candle = limits::candle_gemm(seconds).map_err(Failure::Model)?;
    let own = |precision| {
        limits::own_gemm(&Compute::new(threads, precision), seconds).map_err(Failure::Model)
    };
    Ok(json!({
        "instruction_set": kernel::level().to_string(),
        "candle_gemm_flops": candle,
        "bf16_unit": kernel::bf16_unit().to_string(),
        "own_gemm_flops": own(Precision::F32)?,
        "own_bf16_gemm_flops": own(Precision::Bf16)?,
        "int8_ops_of_16_lanes": limits::int8_products(16, seconds).map_err(Failure::Model)?,
    }))
}

fn measure_training(
    workload: &TrainWorkload,
    compute: Compute,
    args: &Bench,
) -> Result<Value, Failure> {
    let text = match &args.text {
        Some(path) => tokens_of(&read(path)?),
        None => made_up_text(MADE_UP),
    };
    if text.len() <= workload.batch * (workload.time + 1) {
        return Err(Failure::Input(format!(
            "the text has {} characters; {} takes more than {}",
            text.len(),
            workload.name,
            workload.batch * (workload.time + 1)
        )));
    }
    let name = training_name(workload, compute.precision);
    let measured = workload.measure(&text, compute, args.seconds);
    let (rates, loss) = measured.map_err(Failure::Model)?;
    Ok(json!({
        "workload": name,
        "chars_per_second": rates,
        "flop_per_char": workload.flop_per_char(),
        "loss": loss,
        "peak_memory": peak_memory(),
    }))
}

fn measure_speaking(
    workload: &SpeakWorkload,
    numbers: Numbers,
    threads: usize,
    seconds: f64,
) -> Result<Value, Failure> {
    let threads = threads.min(workload.models);
    let rates = workload
        .measure(numbers, threads, seconds)
        .map_err(Failure::Model)?;
    // Read as often as weights are: what the caches hold between two characters stays there.
    let bytes = workload.weight_bytes(numbers);
    let bandwidth =
        limits::bandwidth(bytes, 1, seconds * SECONDS_OF_LIMIT).map_err(Failure::Model)?;
    Ok(json!({
        "chars_per_second": rates,
        "n_weights": workload.n_weights(),
        "threads": threads,
        "lanes": workload.lanes,
        "weight_bytes": bytes,
        "bandwidth": bandwidth,
        "peak_memory": peak_memory(),
    }))
}

fn read(path: &PathBuf) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|source| Failure::Io {
        what: path.display().to_string(),
        source,
    })
}

/// What was measured, for people.
fn table(document: &Value) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let mebibytes = |value: &Value| match value.as_f64() {
        Some(bytes) => format!("{:.0}", bytes / f64::from(1 << 20)),
        None => "-".to_owned(),
    };
    let limits = &document["limits"];
    let candle = number(&limits["candle_gemm_flops"]["median"]);
    let own = number(&limits["own_gemm_flops"]["median"]);
    let own_bf16 = number(&limits["own_bf16_gemm_flops"]["median"]);
    let mut text = format!(
        "\n{} threads, {}, {}; matrix product (2048 cubed): candle {:.0}, own {:.0}, own bf16 {:.0} GFLOP/s\n",
        document["threads"],
        limits["instruction_set"].as_str().unwrap_or("?"),
        limits["bf16_unit"].as_str().unwrap_or("?"),
        candle / 1e9,
        own / 1e9,
        own_bf16 / 1e9
    );
    if let Some(train) = document["train"].as_array() {
        text.push_str(
            "\ntraining      chars/s    slowest    fastest  of the limit  peak MiB    loss\n",
        );
        for row in train {
            let rates = &row["chars_per_second"];
            let name = row["workload"].as_str().unwrap_or("?");
            let limit = if name.ends_with("bf16") {
                own_bf16
            } else {
                candle.max(own)
            };
            let share = number(&rates["median"]) * number(&row["flop_per_char"]) / limit;
            text.push_str(&format!(
                "{:9} {:>11.0} {:>10.0} {:>10.0} {:>12.0}% {:>9} {:>7.3}\n",
                name,
                number(&rates["median"]),
                number(&rates["slowest"]),
                number(&rates["fastest"]),
                100.0 * share,
                mebibytes(&row["peak_memory"]),
                number(&row["loss"]),
            ));
        }
    }
    if let Some(speak) = document["speak"].as_array() {
        text.push_str(
            "\nspeaking         chars/s    slowest    fastest  of bandwidth  of products  peak MiB  weights\n",
        );
        for row in speak {
            let rates = &row["chars_per_second"];
            // Several lanes read the weights once.
            let reads = number(&rates["median"]) / number(&row["lanes"]) / number(&row["threads"]);
            let share = reads * number(&row["weight_bytes"]) / number(&row["bandwidth"]["median"]);
            let name = row["workload"].as_str().unwrap_or("?");
            let ops = 2.0 * number(&rates["median"]) * number(&row["n_weights"]);
            // Several takes at once wait for products; the limit was measured for the weights that are shipped, on one thread.
            let of_products = if number(&row["lanes"]) > 1.0 && !name.contains("f") {
                let limit = number(&limits["int8_ops_of_16_lanes"]["median"]);
                format!("{:.0}%", 100.0 * ops / number(&row["threads"]) / limit)
            } else {
                "-".to_owned()
            };
            text.push_str(&format!(
                "{:12} {:>11.0} {:>10.0} {:>10.0} {:>12.0}% {:>12} {:>9} {:>4} KiB\n",
                name,
                number(&rates["median"]),
                number(&rates["slowest"]),
                number(&rates["fastest"]),
                100.0 * share,
                of_products,
                mebibytes(&row["peak_memory"]),
                number(&row["weight_bytes"]) as usize / 1024,
            ));
        }
    }
    text
}
