// Performs the transcript that stands in the page: lines appear at their time, letter by letter at their speaker's pace.
//
// There is one clock, `t`, in milliseconds of performance time. `show` makes the page what it is at `t`, wherever `t` came from: the clock, the slider,
// a key, a click on a line. Nothing from the log is ever made into HTML: text goes into text nodes.
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  const data = JSON.parse(byId("performance").textContent);
  const elements = [...document.querySelectorAll(".step")];
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const narrow = matchMedia("(max-width: 63.99rem)");

  // Silences shorter than this are only felt; longer ones breathe visibly.
  const BREATH_AFTER_MS = 500;
  // A page that was hidden goes on where it was.
  const LONGEST_FRAME_MS = 250;
  // As long as the curtain takes.
  const CURTAIN_MS = 1600;

  const steps = data.steps.map((step, index) => ({ ...step, element: elements[index] }));
  const lines = steps.filter((step) => step.line);
  const beats = steps.filter((step) => step.beat);
  for (const step of lines) {
    step.words = step.element.querySelector(".words");
    step.text = step.words.textContent;
    step.name = step.element.querySelector(".cue a").textContent;
    step.how = step.element.querySelector(".how")?.textContent ?? "";
    step.letters = letters(step.text);
    step.count = step.text.split(/\s+/).filter(Boolean).length;
  }

  let t = 0;
  let speed = 1;
  let playing = false;
  let performing = false; // otherwise the whole script is there to be read
  let following = true;
  let shown = steps.length - 1; // index of the last step that is there
  let current = null; // the line that is spoken, or was last
  let typed = null; // the line whose words are not all there
  let told = -1; // index of the last step that was read out
  let begun = 0; // when the curtain is up, on the clock of the browser
  let lastFrame = 0;

  // ---- text ----

  // What a reader takes for one letter, as far as the browser knows.
  function letters(text) {
    if (globalThis.Intl?.Segmenter) {
      return [...new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)].map((part) => part.segment);
    }
    return [...text];
  }

  function clock(ms) {
    const seconds = Math.floor(ms / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  // An element with properties and children, which are text or elements.
  function make(tag, properties, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  // ---- what the page is at `t` ----

  // Index of the last of them that has begun, -1 for none.
  function lastBegun(list, at) {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle].at <= at) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  function show() {
    const upto = lastBegun(steps, t);
    const visible = performing ? upto : steps.length - 1;
    if (visible !== shown) {
      for (let i = Math.min(shown, visible) + 1; i <= Math.max(shown, visible); i++) {
        steps[i].element.classList.toggle("later", i > visible);
      }
      shown = visible;
    }
    const line = lines[lastBegun(lines, t)] ?? null;
    const changed = line !== current;
    if (changed) {
      current?.element.classList.remove("now");
      line?.element.classList.add("now");
      current = line;
    }
    speak(line);
    tellTime();
    return upto;
  }

  // Shows the words of a line as far as they have been spoken.
  function speak(line) {
    if (typed && typed !== line) whole(typed);
    // A line is whole a millisecond before its end: at the end the next one has begun.
    if (!line || !performing || t >= line.line.end - 1) {
      if (line) whole(line);
      return;
    }
    typed = line;
    const { words, end } = line.line;
    const silent = t < words;
    const share = silent ? 0 : calm.matches ? 1 : (t - words) / Math.max(1, end - words);
    const n = Math.floor(share * line.letters.length);
    if (line.typedTo === n && line.silent === silent) return;
    line.typedTo = n;
    line.silent = silent;
    const parts = [];
    if (silent && words - line.at > BREATH_AFTER_MS) parts.push(make("span", { class: "breath", "aria-hidden": "true" }));
    parts.push(line.letters.slice(0, n).join(""));
    // What is not yet said keeps its place, so that no word jumps to the next row while it is typed.
    parts.push(make("span", { class: "unsaid" }, line.letters.slice(n).join("")));
    line.words.replaceChildren(...parts);
  }

  function whole(line) {
    if (line.typedTo !== undefined) {
      line.words.replaceChildren(line.text);
      line.typedTo = line.silent = undefined;
    }
    if (typed === line) typed = null;
  }

  let beatShown = null;
  let programmeAt = -1;

  function tellTime() {
    byId("seek").value = t;
    byId("played-until").setAttribute("width", data.end ? (1000 * t) / data.end : 0);
    const time = clock(t);
    if (byId("time").textContent !== time) {
      byId("time").textContent = time;
      const beat = beats[lastBegun(beats, t)];
      byId("seek").setAttribute("aria-valuetext", `${time} of ${clock(data.end)}${beat ? `, ${beat.beat.title}` : ""}`);
    }
    const beat = beats[lastBegun(beats, t)] ?? null;
    if (beat !== beatShown) {
      beatShown = beat;
      byId("now").textContent = beat?.beat.title ?? "";
      root.style.setProperty("--tension", beat && raised() ? beat.beat.tension : 0);
      const links = document.querySelectorAll(".beats a");
      links.forEach((link, index) => {
        if (beats[index] === beat) link.setAttribute("aria-current", "step");
        else link.removeAttribute("aria-current");
      });
    }
    const position = lastBegun(steps, t) + (t >= data.end ? 1 : 0);
    if (position !== programmeAt) {
      programmeAt = position;
      showProgramme();
    }
  }

  // Loose ends, who is there, and each one's share of the words so far.
  const threads = [...document.querySelectorAll(".threads li")].map((element) => ({ element, first: element.className }));
  const people = [...document.querySelectorAll(".people li")].map((element) => ({ element, absent: element.classList.contains("absent") }));
  const STATES = { dormant: "not asked yet", open: "open", advanced: "pulled tighter", resolved: "resolved" };

  function showProgramme() {
    const states = threads.map((thread) => thread.first);
    for (const [at, place, state] of data.threads) if (at <= t) states[place] = state;
    threads.forEach(({ element }, index) => {
      element.className = states[index];
      element.querySelector(".state").textContent = `(${STATES[states[index]]})`;
    });
    const absent = people.map((person) => person.absent);
    for (const [at, place, on] of data.presence) if (at <= t) absent[place] = !on;
    const counts = people.map(() => 0);
    for (const { at, line, count } of lines) if (at <= t && line.who !== undefined) counts[line.who] += count;
    const all = counts.reduce((sum, count) => sum + count, 0);
    people.forEach(({ element }, index) => {
      element.classList.toggle("absent", absent[index]);
      element.classList.toggle("speaking", current?.line.who === index && t < data.end);
      element.querySelector(".floor").textContent = all ? `${Math.round((100 * counts[index]) / all)} %` : "";
    });
  }

  // ---- time passes ----

  function frame(now) {
    if (!playing) return;
    const passed = Math.min(LONGEST_FRAME_MS, Math.max(0, now - Math.max(lastFrame, begun)));
    lastFrame = now;
    const before = lastBegun(steps, t);
    t = Math.min(data.end, t + passed * speed);
    const upto = show();
    if (upto !== before) {
      for (let i = before + 1; i <= upto; i++) strike(steps[i]);
      follow();
    }
    tell(upto);
    if (t >= data.end) pause();
    else requestAnimationFrame(frame);
  }

  // Reads out what has come since: a line once, whole, as its first word is spoken.
  function tell(upto) {
    const said = [];
    for (let i = told + 1; i <= upto; i++) {
      const step = steps[i];
      if (step.line && t < step.line.words) break;
      if (step.line) said.push(`${step.name}${step.how ? ` ${step.how}` : ""}: ${step.text}`);
      else said.push((step.element.querySelector("h2") ?? step.element).textContent.trim());
      told = i;
    }
    if (said.length) byId("live").textContent = said.join(" ");
  }

  // Lightning at the climax, once.
  function strike(step) {
    if (!step.beat?.climax || calm.matches) return;
    root.classList.remove("struck");
    void root.offsetWidth; // begins the animation anew
    root.classList.add("struck");
    setTimeout(() => root.classList.remove("struck"), 1200);
  }

  function raised() {
    return root.classList.contains("raised");
  }

  function play() {
    if (playing) return;
    if (t >= data.end) t = 0;
    const first = !raised();
    root.classList.add("raised", "playing");
    setPerforming(true);
    playing = true;
    following = true;
    beatShown = undefined;
    byId("play").setAttribute("aria-label", "Pause");
    lastFrame = performance.now();
    // The curtain goes up before anybody speaks.
    begun = lastFrame + (first && t === 0 && !calm.matches ? CURTAIN_MS / speed : 0);
    told = lastBegun(steps, t - 1);
    show();
    if (t > 0) follow();
    requestAnimationFrame(frame);
  }

  function pause() {
    playing = false;
    root.classList.remove("playing");
    byId("play").setAttribute("aria-label", "Play");
    byId("follow").hidden = true;
  }

  function setPerforming(on) {
    performing = on;
    root.classList.toggle("performing", on);
    byId("read").setAttribute("aria-pressed", String(!on && raised()));
  }

  function seek(to) {
    t = Math.min(data.end, Math.max(0, to));
    root.classList.add("raised");
    beatShown = undefined;
    following = true;
    const upto = show();
    told = Math.min(told, upto);
    if (!playing) told = upto;
    follow();
  }

  // Goes to a line: while it plays to the silence before it; else all of it is there at once.
  function goTo(step) {
    if (!step) return;
    seek(playing || !step.line ? step.at : step.line.end - 1);
  }

  function neighbour(by) {
    const index = current ? lines.indexOf(current) : -1;
    const next = index + by;
    if (next < 0) seek(0);
    else if (next >= lines.length) seek(data.end);
    else goTo(lines[next]);
  }

  // ---- where one looks ----

  // Brings the newest step into sight, the whole of it if it fits.
  function follow() {
    byId("follow").hidden = following || !playing;
    if (!following) return;
    const step = t >= data.end ? steps.at(-1) : (steps[lastBegun(steps, t)] ?? steps[0]);
    const box = step.element.getBoundingClientRect();
    const desk = document.querySelector(".desk").offsetHeight;
    const top = innerHeight * 0.12;
    const bottom = innerHeight - desk - innerHeight * 0.14;
    let by = 0;
    if (box.height > bottom - top || box.top < top) by = box.top - top;
    else if (box.bottom > bottom) by = box.bottom - bottom;
    if (Math.abs(by) > 1) scrollBy({ top: by, behavior: calm.matches || speed > 4 ? "instant" : "smooth" });
  }

  function looksAway() {
    if (!playing || !following) return;
    following = false;
    byId("follow").hidden = false;
  }
  addEventListener("wheel", looksAway, { passive: true });
  addEventListener("touchmove", (event) => {
    if (!event.target.closest(".desk, .programme")) looksAway();
  }, { passive: true });
  byId("follow").addEventListener("click", () => {
    following = true;
    follow();
  });

  // ---- takes ----

  // Part of a score card, what it is called, and what it says.
  const PARTS = [
    ["fluency", "Fluency", "Log-probability for the speaker's own model, in nats by the word"],
    ["cue", "Answers the cue", "How much likelier it became through the line before, in nats by the word"],
    ["voice", "Own voice", "How much likelier it is for this character than for all together, in nats by the word"],
    ["plot", "Plot line", "How much likelier it is in the beat's plot lines than elsewhere, in nats by the word"],
    ["motifs", "Motifs", "Motifs of the beat in the line"],
    ["length", "Length", "0 at a good length"],
    ["loops", "In circles", "How often the line repeats itself or another"],
    ["unknown_words", "Unknown words", "Words outside the show's lexicon"],
    ["copied_words", "Copied words", "Longest run of words that stands so in the scripts"],
    ["total", "Total", "The weighted sum"],
  ];
  // The less of these, the better.
  const FAULTS = new Set(["loops", "unknown_words", "copied_words"]);
  let panel = null; // { step, take, element }

  function openTakes(step, take) {
    const focused = panel?.element.contains(document.activeElement);
    closeTakes();
    if (!step) return;
    const { takes = [], kept } = step.line;
    const index = takes.length ? (((take ?? kept ?? 0) % takes.length) + takes.length) % takes.length : null;
    const element = make("section", { class: "takes", "aria-label": `Takes of ${step.name}'s line`, tabindex: "-1" });
    panel = { step, take: index, element };
    const title = index === null ? whose(step) : `Take ${index + 1} of ${takes.length}${index === kept ? ", kept" : ""}`;
    const close = () => {
      closeTakes();
      byId("takes").focus();
    };
    element.append(make("header", {}, make("h3", { "aria-live": "polite" }, title), make("button", { type: "button", "aria-label": "Close the takes", onclick: close }, "✕")));
    if (takes.length > 1) {
      const chips = takes.map((_, i) => {
        const name = `Take ${i + 1}${i === kept ? ", kept" : ""}`;
        const properties = { type: "button", "aria-label": name, "aria-pressed": String(i === index), onclick: () => openTakes(step, i) };
        if (i === kept) properties.class = "kept";
        return make("button", properties, String(i + 1));
      });
      element.append(make("div", { class: "chips", role: "group", "aria-label": "Takes" }, ...chips));
    }
    if (index !== null) {
      const { text, how } = takes[index];
      element.append(make("p", { class: "said", lang: byId("script").lang, dir: "auto" }, ...(how ? [make("i", {}, `(${how}) `)] : []), text || "(silence)"));
      element.append(scores(takes, index));
    }
    element.append(...reasons(step));
    step.element.after(element);
    byId("takes").setAttribute("aria-expanded", "true");
    if (focused) element.focus();
    element.scrollIntoView({ block: "nearest", behavior: calm.matches ? "instant" : "smooth" });
  }

  // Who looks into a line wants it whole, and to hold still.
  function lookInto(step) {
    if (!step) return;
    pause();
    if (performing) seek(step.line.end - 1);
    openTakes(step);
  }

  function closeTakes() {
    panel?.element.remove();
    panel = null;
    byId("takes").setAttribute("aria-expanded", "false");
  }

  function whose(step) {
    const mark = step.element.querySelector(".mark");
    return mark ? `A line ${mark.title}` : "No other takes";
  }

  // The score card of a take; a bar is full for the best take of the line in that part, and empty for the worst. A part in which all are alike decides
  // nothing, and has no bar.
  function scores(takes, index) {
    const body = make("tbody");
    for (const [part, label, meaning] of PARTS) {
      const values = takes.map((take) => take.score[part]);
      const value = values[index];
      const sign = FAULTS.has(part) ? -1 : 1;
      const worst = Math.min(...values.map((other) => sign * other));
      const best = Math.max(...values.map((other) => sign * other));
      const bar = make("span");
      bar.hidden = best === worst;
      bar.style.width = `${(100 * (sign * value - worst)) / (best - worst || 1)}%`;
      const figure = Number.isInteger(value) ? String(value) : value.toFixed(2).replace(/^-(?=0\.00$)/, "");
      body.append(make("tr", part === "total" ? { class: "total" } : {}, make("th", { scope: "row", title: meaning }, label), make("td", { class: "value" }, figure), make("td", { class: "bar", "aria-hidden": "true" }, bar)));
    }
    return make("table", {}, make("caption", { class: "unseen" }, "Score card"), body);
  }

  function reasons(step) {
    const { line } = step;
    const found = [];
    if (line.full) found.push(make("p", { class: "aside" }, "Cut off. It would have been: ", make("b", { lang: byId("script").lang }, line.full)));
    for (const [change, text] of line.before ?? []) found.push(make("p", { class: "aside" }, `Later ${change}. Before: `, make("b", { lang: byId("script").lang }, text)));
    if (line.why) {
      const chances = (line.chances ?? []).slice(0, 4).map(([who, chance]) => `${data.cast[who]} ${Math.round(100 * chance)} %`);
      found.push(make("p", { class: "aside" }, `Why ${step.name}: ${line.why}${chances.length ? ` (${chances.join(", ")})` : ""}.`));
    }
    return found;
  }

  // ---- hands ----

  byId("seek").addEventListener("input", (event) => {
    if (!performing) setPerforming(true);
    seek(Number(event.target.value));
  });
  byId("play").addEventListener("click", () => (playing ? pause() : play()));
  byId("raise").addEventListener("click", () => {
    play();
    byId("play").focus();
  });
  byId("previous").addEventListener("click", () => neighbour(-1));
  byId("next").addEventListener("click", () => neighbour(1));
  byId("takes").addEventListener("click", () => toggleTakes());
  byId("read").addEventListener("click", () => toggleReading());
  byId("programme-button").addEventListener("click", () => toggleProgramme());
  byId("theme").addEventListener("click", () => toggleTheme());
  byId("keys").addEventListener("click", () => byId("help").showModal());
  byId("help-close").addEventListener("click", () => byId("help").close());
  byId("speed").addEventListener("change", (event) => setSpeed(Number(event.target.value)));

  function toggleTakes() {
    if (panel) return closeTakes();
    lookInto(current ?? lines[0]);
  }

  function toggleReading() {
    pause();
    root.classList.add("raised");
    setPerforming(!performing);
    show();
    follow();
  }

  function toggleProgramme() {
    const drawn = byId("programme").classList.toggle("drawn");
    byId("programme-button").setAttribute("aria-expanded", String(drawn));
  }

  function setSpeed(to) {
    speed = to;
    byId("speed").value = String(to);
  }

  function changeSpeed(by) {
    const speeds = [...byId("speed").options].map((option) => Number(option.value));
    const index = speeds.indexOf(speed) + by;
    if (speeds[index]) setSpeed(speeds[index]);
  }

  // A switch that has been set is remembered where the browser lets pages of the disk remember anything.
  const THEME = "telenovela-theme";
  function setTheme(theme) {
    root.dataset.theme = theme;
  }
  function toggleTheme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(dark ? "light" : "dark");
    try {
      localStorage.setItem(THEME, root.dataset.theme);
    } catch {
      // Then it is forgotten with the page.
    }
  }

  // Clicks on a line go to it; on its button, into its takes. Text can still be selected.
  byId("script").addEventListener("click", (event) => {
    const element = event.target.closest(".line");
    const step = lines.find((line) => line.element === element);
    if (!step) return;
    if (event.target.closest(".takes-of")) {
      return panel?.step === step ? closeTakes() : lookInto(step);
    }
    if (event.target.closest("a")) event.preventDefault();
    else if (!getSelection().isCollapsed) return;
    goTo(step);
  });
  document.querySelectorAll(".beats a").forEach((link, index) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      if (beats[index]) seek(beats[index].at);
    });
  });
  for (const step of lines) {
    const n = step.line.takes?.length ?? 0;
    if (!n) continue;
    // The desk and a key do the same, so the way through the page by Tab stays short.
    const label = n === 1 ? "1 take" : `${n} takes`;
    step.element.append(make("button", { type: "button", class: "takes-of", tabindex: "-1", "aria-label": `${label} of ${step.name}'s line` }, label));
  }

  const LETTERS = {
    t: toggleTakes,
    p: () => narrow.matches && toggleProgramme(),
    r: toggleReading,
    d: toggleTheme,
    "+": () => changeSpeed(1),
    "=": () => changeSpeed(1),
    "-": () => changeSpeed(-1),
    "?": () => byId("help").showModal(),
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
    const target = event.target;
    const inTakes = panel?.element.contains(target) || (panel && !playing && target === document.body);
    const handle = () => {
      const isControl = target.closest?.("button, select, a, input");
      switch (event.key) {
        case " ":
          if (isControl && target.id !== "seek") return false;
          playing ? pause() : play();
          return true;
        case "ArrowLeft":
        case "ArrowRight": {
          if (target.tagName === "SELECT") return false;
          const by = event.key === "ArrowLeft" ? -1 : 1;
          if (inTakes || (panel && target.id === "takes")) {
            if (panel.take !== null) openTakes(panel.step, panel.take + by);
          } else neighbour(by);
          return true;
        }
        case "Home":
        case "End":
          if (target.tagName === "SELECT" || (!performing && target.id !== "seek")) return false;
          seek(event.key === "Home" ? 0 : data.end);
          return true;
        case "PageUp":
        case "PageDown":
        case "ArrowUp":
        case "ArrowDown":
          if (!isControl) looksAway();
          return false;
        case "Escape":
          if (panel) closeTakes();
          else if (byId("programme").classList.contains("drawn")) toggleProgramme();
          return false;
      }
      const action = target.tagName !== "SELECT" && byId("letters").checked && LETTERS[event.key];
      if (!action) return false;
      action();
      return true;
    };
    if (handle()) event.preventDefault();
  });

  // ---- the house opens ----

  try {
    const theme = localStorage.getItem(THEME);
    if (theme === "dark" || theme === "light") setTheme(theme);
  } catch {
    // Nothing is remembered.
  }
  root.classList.add("js");
  const desk = document.querySelector(".desk");
  new ResizeObserver(() => root.style.setProperty("--desk", `${desk.offsetHeight}px`)).observe(desk);
  setPerforming(false);
  show();
})();
