//! AMX tiles. Rust has no stable intrinsics for them yet, so the few instructions are written out.

use std::arch::asm;

use super::product::{COLUMNS, ROWS, Tile};

/// Pairs in a tile of bfloat16 numbers.
const TILE: usize = 256;

/// Whether the processor has AMX for bfloat16 and the system lets this process use it. Asks the system for leave, which lasts.
pub(super) fn is_usable() -> bool {
    cfg!(target_os = "linux") && has_amx() && ask_for_tiles()
}

/// Reads what Intel's manual (volume 2, CPUID) calls AMX-BF16 and AMX-TILE, and whether the system saves tiles between threads.
fn has_amx() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};
    const OSXSAVE: u32 = 1 << 27;
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    const TILE_STATE: u64 = 0b11 << 17;
    if __cpuid(0).eax < 7 || __cpuid(1).ecx & OSXSAVE == 0 {
        return false;
    }
    if __cpuid_count(7, 0).edx & (AMX_BF16 | AMX_TILE) != AMX_BF16 | AMX_TILE {
        return false;
    }
    #[target_feature(enable = "xsave")]
    fn enabled_state() -> u64 {
        // SAFETY: the caller has found OSXSAVE, so XGETBV of register 0 is defined.
        unsafe { _xgetbv(0) }
    }
    // SAFETY: a processor with OSXSAVE has XSAVE.
    unsafe { enabled_state() & TILE_STATE == TILE_STATE }
}

/// Linux gives a process tiles when it asks, because they make its threads' saved state larger.
fn ask_for_tiles() -> bool {
    const SYS_ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    let answer: i64;
    // SAFETY: arch_prctl with this request reads no memory of ours and changes only what this process may save; the system call
    // clobbers rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") SYS_ARCH_PRCTL => answer,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack)
        );
    }
    answer == 0
}

/// The layout of the eight tiles: `rows` × 64 bytes for results (0 to 3) and the left operand (4, 5), 16 × 64 for the right one (6, 7).
fn config(first: usize, second: usize) -> [u8; 64] {
    let mut config = [0u8; 64];
    config[0] = 1; // palette
    for (tile, rows) in [first, first, second, second, first, second, 16, 16]
        .into_iter()
        .enumerate()
    {
        config[16 + 2 * tile] = 64; // bytes a row
        config[48 + tile] = rows.max(1) as u8;
    }
    config
}

/// # Safety
/// [`is_usable`] has said yes; the tile's slices reach to its last row and the last of `tiles` (steps of 32 along k).
pub(super) unsafe fn multiply_tile(tile: Tile<'_, u32>, tiles: (usize, usize)) {
    let (rows, n_tiles) = (tile.rows, tiles.1 - tiles.0);
    if rows == 0 || n_tiles == 0 {
        return;
    }
    let (first, second) = (rows.min(ROWS), rows.saturating_sub(ROWS));
    let per_block = tile.k.div_ceil(32) * TILE;
    let layout = config(first, second);
    // SAFETY: every tile load and store covers rows below `rows` of `c` (COLUMNS numbers each), whole tiles of `blocks` and `panel`,
    // which the caller vouches for; the second block is touched only when there are more than ROWS rows.
    unsafe {
        let a = tile.blocks.as_ptr().add(tiles.0 * TILE);
        let b = tile.panel.as_ptr().add(tiles.0 * 2 * TILE);
        let c = tile.c.as_mut_ptr();
        let stride = tile.stride * size_of::<f32>();
        let add = usize::from(tile.add);
        if second == 0 {
            asm!(
                "ldtilecfg [{layout}]",
                "tilezero tmm0",
                "tilezero tmm1",
                "test {add}, {add}",
                "jz 2f",
                "tileloadd tmm0, [{c} + {stride}]",
                "tileloadd tmm1, [{c} + {stride} + 64]",
                "2:",
                "tileloadd tmm4, [{a} + {line}]",
                "tileloadd tmm6, [{b} + {line}]",
                "tileloadd tmm7, [{b} + {line} + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "add {a}, 1024",
                "add {b}, 2048",
                "dec {n}",
                "jnz 2b",
                "tilestored [{c} + {stride}], tmm0",
                "tilestored [{c} + {stride} + 64], tmm1",
                "tilerelease",
                layout = in(reg) &layout,
                add = in(reg) add,
                a = inout(reg) a => _,
                b = inout(reg) b => _,
                c = in(reg) c,
                n = inout(reg) n_tiles => _,
                stride = in(reg) stride,
                line = in(reg) 64usize,
                options(nostack)
            );
        } else {
            let a2 = a.add(per_block);
            let c2 = c.add(ROWS * tile.stride);
            asm!(
                "ldtilecfg [{layout}]",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "test {add}, {add}",
                "jz 2f",
                "tileloadd tmm0, [{c} + {stride}]",
                "tileloadd tmm1, [{c} + {stride} + 64]",
                "tileloadd tmm2, [{c2} + {stride}]",
                "tileloadd tmm3, [{c2} + {stride} + 64]",
                "2:",
                "tileloadd tmm4, [{a} + {line}]",
                "tileloadd tmm6, [{b} + {line}]",
                "tileloadd tmm7, [{b} + {line} + 1024]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm5, [{a2} + {line}]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 1024",
                "add {a2}, 1024",
                "add {b}, 2048",
                "dec {n}",
                "jnz 2b",
                "tilestored [{c} + {stride}], tmm0",
                "tilestored [{c} + {stride} + 64], tmm1",
                "tilestored [{c2} + {stride}], tmm2",
                "tilestored [{c2} + {stride} + 64], tmm3",
                "tilerelease",
                layout = in(reg) &layout,
                add = in(reg) add,
                a = inout(reg) a => _,
                a2 = inout(reg) a2 => _,
                b = inout(reg) b => _,
                c = in(reg) c,
                c2 = in(reg) c2,
                n = inout(reg) n_tiles => _,
                stride = in(reg) stride,
                line = in(reg) 64usize,
                options(nostack)
            );
        }
    }
}

const _: () = assert!(
    COLUMNS == 32 && ROWS == 16,
    "two tiles a panel, one a block"
);
