// Filter, sort and search in the tables and lists of a report. Nothing here is needed to read a
// page: each control is made by this file, and asks nothing of any server. docs/templates.md says
// which attributes a template sets.
"use strict";

(() => {
  const root = document.documentElement;
  const words = JSON.parse(root.dataset.words || "{}");
  const FIELDS = ["severity", "verdict", "status", "agency", "family"];
  const SEVERITIES = ["critical", "high", "medium", "low", "info"];
  const FEW = 3; // rows that need no filter
  const lists = [];

  // --- small things

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function filled(template, values) {
    return (template || "").replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  }

  function plain(text) {
    return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  }

  function count(number) {
    return number.toLocaleString(root.lang);
  }

  // A number, or NaN: "1.234,5" in Indonesian is "1,234.5" in English; data-sort is neither.
  function numberOf(text) {
    const bare = text.replace(/[%\s]/g, "");
    const usual = root.lang === "id" ? bare.replace(/\./g, "").replace(",", ".") : bare.replace(/,/g, "");
    return plainNumber(usual);
  }

  function plainNumber(text) {
    return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  }

  // --- the state of all lists, kept in the fragment so that a link to it can be shared

  function readFragment() {
    const fragment = location.hash.slice(1);
    return fragment.includes("=") ? new URLSearchParams(fragment) : new URLSearchParams();
  }

  function writeFragment() {
    const state = new URLSearchParams();
    for (const list of lists) {
      for (const [key, value] of Object.entries(list.state)) if (value) state.set(`${list.name}.${key}`, value);
    }
    history.replaceState(null, "", `${location.pathname}${location.search}#${state}`);
    carryFragment();
  }

  // The other language opens in the same state.
  function carryFragment() {
    for (const link of document.querySelectorAll("a[data-twin]")) link.hash = location.hash;
  }

  function applyFragment() {
    const state = readFragment();
    let first = null;
    for (const list of lists) {
      list.state = {};
      for (const [key, value] of state) {
        if (key.startsWith(`${list.name}.`)) list.state[key.slice(list.name.length + 1)] = value;
      }
      if (Object.keys(list.state).length && !first) first = list;
      list.show();
    }
    if (first) first.anchor.scrollIntoView();
    carryFragment();
  }

  // --- one list: its rows, its controls

  function valuesOf(row, field) {
    return (row.dataset[field] || "").split("\n").filter(Boolean);
  }

  // The word for a code; what has no word, such as the id of an agency, may bring its own.
  function wordOf(field, value, rows = []) {
    const row = rows.find((one) => one.dataset[field] === value && one.dataset[`${field}Text`]);
    return row?.dataset[`${field}Text`] || words[`${field}_${value}`] || value;
  }

  function choicesOf(rows, field) {
    const found = [...new Set(rows.flatMap((row) => valuesOf(row, field)))];
    if (field === "severity") return found.sort((a, b) => SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b));
    return found.sort((a, b) => wordOf(field, a, rows).localeCompare(wordOf(field, b, rows), root.lang));
  }

  function setUp(element, number) {
    const isTable = element.tagName === "TABLE";
    const rows = isTable ? [...element.tBodies].flatMap((body) => [...body.rows]) : [...element.children];
    if (rows.length < 2) return;
    const texts = rows.map((row) => plain(row.dataset.search || row.textContent));
    const heads = isTable && element.tHead ? [...element.tHead.rows[0].cells] : [];
    const list = {
      name: element.dataset.filterable || element.dataset.sortable || element.id || `list${number}`,
      anchor: element,
      state: {},
    };
    const controls = {};
    const tools = make("div", { class: "tools", role: "group", "aria-label": words.tools || "" });
    const tally = make("p", { class: "tally", role: "status" });
    const nothing = make("p", { class: "nothing", hidden: "" }, words.nothing || "");

    function changed(key, value) {
      list.state[key] = value;
      list.show();
      writeFragment();
    }

    function field(key, label, control, event) {
      controls[key] = control;
      control.id = `tool-${number}-${key}`;
      control.addEventListener(event, () => changed(key, control.value));
      return make("div", { class: key }, make("label", { for: control.id }, label), control);
    }

    function select(key, label, options) {
      const control = make("select");
      for (const [value, text] of options) control.append(make("option", { value }, text));
      return field(key, label, control, "change");
    }

    // Sorting

    function keyOf(cell) {
      const key = cell?.dataset.sort;
      if (key !== undefined) return { text: key, number: plainNumber(key) };
      const text = cell ? cell.textContent.trim() : "";
      return { text, number: numberOf(text) };
    }

    // Below zero where the first comes first. Numbers come before what is none, such as a dash.
    function compare(a, b) {
      if (isNaN(a.number) !== isNaN(b.number)) return isNaN(a.number) ? 1 : -1;
      if (isNaN(a.number)) return a.text.localeCompare(b.text, root.lang, { numeric: true });
      return a.number - b.number;
    }

    function order() {
      const [column, direction] = (list.state.sort || "").split(".");
      heads.forEach((head, index) => {
        if (!head.querySelector("button")) return;
        const sorted = String(index) === column;
        head.setAttribute("aria-sort", sorted ? (direction === "down" ? "descending" : "ascending") : "none");
      });
      let places = rows.map((_, index) => index);
      if (heads[column]) {
        const keys = rows.map((row) => keyOf(row.cells[column]));
        const sign = direction === "down" ? -1 : 1;
        places = places.sort((a, b) => sign * compare(keys[a], keys[b]) || a - b);
      }
      if (list.places === places.join()) return;
      list.places = places.join();
      for (const place of places) rows[place].parentNode.append(rows[place]);
    }

    // From unsorted to up, to down, and back to the order of the report.
    function turn(index) {
      const next = { [`${index}.up`]: `${index}.down`, [`${index}.down`]: "" };
      const sort = next[list.state.sort] ?? `${index}.up`;
      changed("sort", sort);
      const way = sort.endsWith("down") ? words.sorted_down : words.sorted_up;
      told.textContent = sort ? filled(way, { column: heads[index].textContent.trim() }) : words.sorted_not;
    }

    const told = make("p", { class: "unseen", role: "status" });

    function makeSortable() {
      const options = [["", words.as_reported]];
      heads.forEach((head, index) => {
        const text = head.textContent.trim();
        if (!text || "nosort" in head.dataset) return;
        const button = make("button", { type: "button" }, ...head.childNodes);
        button.addEventListener("click", () => turn(index));
        head.append(button);
        options.push([`${index}.up`, filled(words.up, { column: text })], [`${index}.down`, filled(words.down, { column: text })]);
      });
      element.classList.add("sortable");
      tools.append(select("sort", words.sort_by, options));
    }

    // Filtering

    function makeFilterable() {
      const search = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
      tools.append(field("q", words.search, search, "input"));
      for (const key of FIELDS) {
        const choices = choicesOf(rows, key);
        if (choices.length < 2) continue;
        const options = [["", words.all], ...choices.map((value) => [value, wordOf(key, value, rows)])];
        tools.append(select(key, words[`by_${key}`], options));
      }
      controls.clear = make("button", { type: "button", class: "clear" }, words.clear || "");
      controls.clear.addEventListener("click", () => {
        list.state = { sort: list.state.sort };
        list.show();
        writeFragment();
        search.focus();
      });
      tools.append(controls.clear);
    }

    function fits(index, needles) {
      for (const key of FIELDS) {
        if (list.state[key] && !valuesOf(rows[index], key).includes(list.state[key])) return false;
      }
      return needles.every((needle) => texts[index].includes(needle));
    }

    function filter() {
      const needles = plain(list.state.q || "").split(/\s+/).filter(Boolean);
      const shown = rows.filter((row, index) => {
        row.hidden = !fits(index, needles);
        return !row.hidden;
      }).length;
      const chosen = FIELDS.filter((key) => list.state[key]).map((key) => wordOf(key, list.state[key], rows));
      if (needles.length) chosen.unshift(`“${list.state.q.trim()}”`);
      const line = filled(chosen.length ? words.shown_of : words.shown, { shown: count(shown), total: count(rows.length) });
      tally.textContent = chosen.length ? `${line}: ${chosen.join(", ")}` : line;
      tally.classList.toggle("filtered", chosen.length > 0);
      nothing.hidden = shown > 0;
      if (controls.clear) controls.clear.hidden = !chosen.length;
    }

    // The controls take the state; what none of them can take is forgotten.
    list.show = () => {
      for (const key of Object.keys(list.state)) if (!controls[key]) delete list.state[key];
      for (const [key, control] of Object.entries(controls)) {
        const wanted = list.state[key] || "";
        if (key !== "clear" && control.value !== wanted) control.value = wanted;
        if (key !== "clear" && control.value !== wanted) {
          control.value = "";
          delete list.state[key];
        }
      }
      if (heads.length) order();
      if (controls.q) filter();
    };

    const marked = rows.some((row) => ["search", ...FIELDS].some((key) => key in row.dataset));
    const wanted = "filterable" in element.dataset || marked;
    if (wanted && rows.length > FEW) makeFilterable();
    if (heads.length && "sortable" in element.dataset) makeSortable();
    const frame = element.closest(".wide") || element;
    if (!controls.q) tools.classList.add("sort-only");
    if (!tools.children.length) return;
    if (controls.q) list.anchor = tools;
    frame.before(tools, ...(controls.q ? [tally, nothing] : []), told);
    lists.push(list);
  }

  // --- what is folded away

  function openAround(target) {
    for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
  }

  function openTarget() {
    const fragment = location.hash.slice(1);
    if (!fragment || fragment.includes("=")) return;
    const target = document.getElementById(decodeURIComponent(fragment));
    if (!target || !target.parentElement.closest("details:not([open])")) return;
    openAround(target);
    target.scrollIntoView();
  }

  function addOpenAll(main) {
    const folded = [...main.querySelectorAll("details")];
    if (folded.length < 2) return;
    const buttons = [[words.open_all, true], [words.close_all, false]].map(([text, open]) => {
      const button = make("button", { type: "button" }, text || "");
      button.addEventListener("click", () => folded.forEach((one) => { one.open = open; }));
      return button;
    });
    main.prepend(make("div", { class: "tools fold", role: "group", "aria-label": words.folded || "" }, ...buttons));
  }

  // Paper shows what the screen folds away, and folds it away again.
  function printWhole(main) {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...main.querySelectorAll("details:not([open])")];
      opened.forEach((one) => { one.open = true; });
    });
    addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));
  }

  const main = document.querySelector("main");
  document.querySelectorAll("[data-filterable], [data-sortable]").forEach(setUp);
  addOpenAll(main);
  printWhole(main);
  applyFragment();
  openTarget();
  addEventListener("hashchange", () => { applyFragment(); openTarget(); });
  root.classList.add("scripted");
})();
