//! Work cut into parts, each part on one thread.

/// Runs `work` on every part; with one thread, or one part, on the caller. Which thread does what never shows in the results: parts share nothing.
pub fn for_each<T: Send>(
    threads: usize,
    parts: impl ExactSizeIterator<Item = T>,
    work: impl Fn(T) + Sync,
) {
    let n_parts = parts.len();
    if threads <= 1 || n_parts <= 1 {
        parts.for_each(work);
        return;
    }
    let mut shares: Vec<Vec<T>> = (0..threads.min(n_parts)).map(|_| Vec::new()).collect();
    let n_shares = shares.len();
    for (at, part) in parts.enumerate() {
        shares[at % n_shares].push(part);
    }
    let mine = shares.pop();
    let work = &work;
    std::thread::scope(|scope| {
        for share in shares {
            scope.spawn(move || share.into_iter().for_each(work));
        }
        mine.into_iter().flatten().for_each(work);
    });
}
