//! The seeds are part of the log's format: these numbers must never change. They agree with FNV-1a, SplitMix64 and ChaCha8 written a second time,
//! in Python, from their definitions.

use telenovela_script::character::CharacterId;
use telenovela_script::scene::{BeatId, SceneId};
use telenovela_stage::seed::{Address, Draws, Purpose};

#[test]
fn the_seeds_of_the_takes_are_golden() {
    let (scene, beat) = (SceneId::new("third-windmill"), BeatId::new("waiting"));
    let address = Address {
        seed: 7,
        scene: &scene,
        beat: &beat,
        turn: 2,
        attempt: 0,
        branch: 0,
        retake: 0,
    };
    let ines = CharacterId::new("ines");
    let seeds: Vec<u64> = (0..3).map(|take| address.take_seed(&ines, take)).collect();
    assert_eq!(seeds, GOLDEN_TAKES);
    let mut draws = address.draws(Purpose::Speaker);
    let drawn: Vec<usize> = (0..8).filter_map(|_| draws.below(1_000)).collect();
    assert_eq!(drawn, GOLDEN_DRAWS);
    let mut plain = Draws::new(0);
    let drawn: Vec<usize> = (0..8).filter_map(|_| plain.below(1_000)).collect();
    assert_eq!(drawn, GOLDEN_PLAIN);
}

const GOLDEN_TAKES: [u64; 3] = [
    13_300_761_161_445_678_529,
    2_453_492_814_531_229_413,
    10_798_130_699_262_014_389,
];
const GOLDEN_DRAWS: [usize; 8] = [208, 450, 906, 356, 561, 543, 929, 246];
const GOLDEN_PLAIN: [usize; 8] = [748, 228, 239, 92, 362, 42, 371, 585];
