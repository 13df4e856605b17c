//! The site: what the browser loads beside the pages. WebAssembly and its JavaScript, the style sheet, static files.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::{self, say, step};
use crate::workspace::Workspace;
use crate::{setup, wasm};

/// The name that the pages ask for. Leptos adds `_bg` to the WebAssembly's, as wasm-bindgen does.
const NAME: &str = "runbook-portal";

/// What WebAssembly and JavaScript together may weigh, compressed with Brotli: 100 kB.
const LIMIT: u64 = 100_000;

/// What of npm's `@xterm` a terminal in a page needs.
const TERMINAL: [&str; 3] = ["xterm/lib/xterm.mjs", "xterm/css/xterm.css", "addon-fit/lib/addon-fit.mjs"];

/// What rustc lets the code use by default; wasm-opt accepts no more than it is told.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Compresses each file that it is given, beside it with `.br` added, and prints the sum of the sizes on the last line.
const COMPRESS: &str = r"
const { readFileSync, writeFileSync } = require('node:fs');
const { brotliCompressSync } = require('node:zlib');
for (const path of process.argv.slice(1)) {
  const small = brotliCompressSync(readFileSync(path));
  writeFileSync(path + '.br', small);
  console.log(small.length);
}
";

/// How much a page makes the browser load.
#[derive(Debug)]
pub(crate) struct Weight {
    /// Bytes of WebAssembly and JavaScript as they are.
    raw: u64,
    /// The same compressed; `None` where there is no Node.js to do it.
    brotli: Option<u64>,
}

impl Weight {
    /// Prints the weight; an error when it is over the limit.
    pub(crate) fn check(&self) -> Result<()> {
        let raw = self.raw;
        let Some(brotli) = self.brotli else {
            step(&format!("wasm + JS: {raw} bytes; not compressed, for want of Node.js"));
            return Ok(());
        };
        step(&format!("wasm + JS: {raw} bytes, {brotli} with Brotli (limit {LIMIT})"));
        if brotli > LIMIT {
            bail!("wasm + JS are {brotli} bytes with Brotli, {} over the limit", brotli - LIMIT);
        }
        Ok(())
    }

    /// Like `check`, and an error when the weight is unknown: a gate that does not look lets everything through.
    pub(crate) fn require(&self) -> Result<()> {
        if self.brotli.is_none() {
            bail!("the site's size cannot be measured without Node.js");
        }
        self.check()
    }
}

/// Builds everything under the site's folder, as far as it changed.
pub(crate) fn build(workspace: &Workspace) -> Result<Weight> {
    step("building the site");
    let site = workspace.site();
    let package = site.join("pkg");
    fs::create_dir_all(&package).with_context(|| format!("cannot create {}", package.display()))?;

    let css = bundle(&workspace.path("style"))?;
    let css_file = package.join(format!("{NAME}.css"));
    fs::write(&css_file, css).with_context(|| format!("cannot write {}", css_file.display()))?;
    copy_static(&workspace.path("public"), &site)?;
    copy_terminal(workspace, &package)?;

    let compiled = wasm::compile(workspace)?;
    bind(workspace, &compiled, &package)?;
    weigh(workspace, &package)
}

/// Copies xterm.js as its makers publish it; pages load it only where there is a terminal. Without the packages of `end2end/`
/// the site is built without it, and a terminal says so.
fn copy_terminal(workspace: &Workspace, package: &Path) -> Result<()> {
    let to = package.join("xterm");
    fs::create_dir_all(&to).with_context(|| format!("cannot create {}", to.display()))?;
    for file in TERMINAL {
        let from = workspace.path("end2end/node_modules/@xterm").join(file);
        let Some(name) = from.file_name().filter(|_| from.is_file()) else {
            step("without xterm.js: terminals open no window. `cargo xtask setup` installs it, where Node.js is");
            return Ok(());
        };
        fs::copy(&from, to.join(name)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    Ok(())
}

/// Makes of the compiler's file what the browser loads, unless that was done with the same file before.
fn bind(workspace: &Workspace, compiled: &Path, package: &Path) -> Result<()> {
    let code = fs::read(compiled).with_context(|| format!("cannot read {}", compiled.display()))?;
    let bindgen = setup::wasm_bindgen(workspace)?;
    let optimiser = workspace.path("end2end/node_modules/binaryen/bin/wasm-opt");
    let optimiser = (setup::node_is_recent() && optimiser.is_file()).then_some(optimiser);

    let wasm = package.join(format!("{NAME}_bg.wasm"));
    let script = package.join(format!("{NAME}.js"));
    let stamp_file = workspace.target("site.stamp");
    let stamp = stamp(&[
        &code,
        workspace.locked_version("wasm-bindgen")?.as_bytes(),
        if optimiser.is_some() { b"small" } else { b"" },
    ]);
    let unchanged = fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp);
    if unchanged && wasm.is_file() && script.is_file() {
        return Ok(());
    }

    let mut command = workspace.program(bindgen);
    command
        .args(["--target", "web", "--no-typescript", "--out-name", NAME])
        .arg("--out-dir")
        .arg(package)
        .arg(compiled);
    process::run(&mut command)?;
    if let Some(optimiser) = optimiser {
        step("making the WebAssembly small");
        let mut command = workspace.program("node");
        command.arg(optimiser).args(["-Oz"]).args(WASM_FEATURES);
        command.arg(&wasm).arg("--output").arg(&wasm);
        process::run(&mut command)?;
    }
    fs::write(&stamp_file, stamp).with_context(|| format!("cannot write {}", stamp_file.display()))
}

/// Tells builds apart. It is only ever compared with what an earlier build left, so any hash function does.
fn stamp(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    format!("{:016x}", hasher.finish())
}

/// Leaves a compressed copy beside each file (the server can send it as it is), and adds up what the pages' code weighs.
fn weigh(workspace: &Workspace, package: &Path) -> Result<Weight> {
    let code = [package.join(format!("{NAME}_bg.wasm")), package.join(format!("{NAME}.js"))];
    let css = package.join(format!("{NAME}.css"));
    let mut raw = 0;
    for path in &code {
        raw += path.metadata().with_context(|| format!("cannot read {}", path.display()))?.len();
    }
    if !setup::node_is_recent() {
        // Copies that an earlier build left would now be older than what they stand for.
        for path in code.iter().chain([&css]) {
            drop(fs::remove_file(path.with_added_extension("br")));
        }
        return Ok(Weight { raw, brotli: None });
    }
    let mut node = workspace.program("node");
    node.args(["-e", COMPRESS, "--"]).args(&code).arg(&css);
    let sizes = process::output(&mut node)?
        .lines()
        .map(str::parse)
        .collect::<Result<Vec<u64>, _>>()
        .context("Node.js printed no sizes")?;
    let brotli = sizes.iter().take(code.len()).sum();
    if let Some(css) = sizes.last() {
        say(format_args!("    style sheet: {css} bytes with Brotli"));
    }
    Ok(Weight { raw, brotli: Some(brotli) })
}

/// One style sheet of many: `main.css` with each of its imports in place, so that a page asks once.
fn bundle(folder: &Path) -> Result<String> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let mut bundled = String::new();
    for line in read("main.css")?.lines() {
        let Some(import) = Import::parse(line)? else {
            bundled.push_str(line);
            bundled.push('\n');
            continue;
        };
        let text = read(import.file)?;
        if text.contains("@import") {
            bail!("style/{}: only main.css imports", import.file);
        }
        match import.layer {
            Some(layer) => {
                bundled.push_str(&format!("@layer {layer} {{\n{}\n}}\n", text.trim_end()));
            }
            None => {
                bundled.push_str(text.trim_end());
                bundled.push('\n');
            }
        }
    }
    Ok(bundled)
}

/// A line such as `@import "tokens.css";` or `@import url("cards.css") layer(components);`.
#[derive(Debug, PartialEq)]
struct Import<'line> {
    file: &'line str,
    layer: Option<&'line str>,
}

impl<'line> Import<'line> {
    fn parse(line: &'line str) -> Result<Option<Self>> {
        let Some(rest) = line.trim().strip_prefix("@import") else {
            return Ok(None);
        };
        Self::parse_rest(rest)
            .map(Some)
            .with_context(|| format!("style/main.css: expected `@import \"file.css\";`, found: {line}"))
    }

    fn parse_rest(rest: &'line str) -> Option<Self> {
        let rest = rest.trim().strip_suffix(';')?.trim_end();
        let (rest, close) = match rest.strip_prefix("url(") {
            Some(inside) => (inside, ")"),
            None => (rest, ""),
        };
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (file, after) = rest[1..].split_once(quote)?;
        let after = after.strip_prefix(close)?.trim();
        let layer = match after {
            "" => None,
            _ => Some(after.strip_prefix("layer(")?.strip_suffix(')')?),
        };
        let file = file.strip_prefix("./").unwrap_or(file);
        // A style sheet from elsewhere would tell a stranger who reads which page.
        let local = !file.is_empty() && !file.contains(':') && !file.starts_with('/');
        local.then_some(Self { file, layer })
    }
}

/// Copies the static files, and takes away those of earlier builds that are gone.
fn copy_static(from: &Path, site: &Path) -> Result<()> {
    for entry in entries(site)? {
        if entry.file_name() == "pkg" {
            continue;
        }
        let path = entry.path();
        let removed = if entry.file_type()?.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    if !from.is_dir() {
        return Ok(());
    }
    copy_folder(from, site)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in entries(from)? {
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &copy)?;
        } else {
            fs::copy(&source, &copy).with_context(|| format!("cannot copy {}", source.display()))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    fs::read_dir(folder).and_then(Iterator::collect).with_context(|| format!("cannot read {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::{Import, LIMIT, Weight, stamp};

    fn import(line: &str) -> Option<(&str, Option<&str>)> {
        let import = Import::parse(line).unwrap()?;
        Some((import.file, import.layer))
    }

    #[test]
    fn imports_are_read_in_every_spelling() {
        assert_eq!(import("@import \"tokens.css\";"), Some(("tokens.css", None)));
        assert_eq!(import("@import './tokens.css';"), Some(("tokens.css", None)));
        assert_eq!(import("@import url(\"cards.css\") layer(components);"), Some(("cards.css", Some("components"))));
        assert_eq!(import("@layer reset, components;"), None);
        assert_eq!(import("body { margin: 0 }"), None);
    }

    #[test]
    fn an_import_from_elsewhere_is_refused() {
        for line in [
            "@import \"https://example.com/a.css\";",
            "@import \"//example.com/a.css\";",
            "@import tokens.css;",
            "@import \"tokens.css\" print;",
            "@import \"tokens.css\"",
        ] {
            assert!(Import::parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn weight_is_checked_to_the_byte() {
        let weigh = |brotli| Weight { raw: 1, brotli };
        weigh(Some(LIMIT)).require().unwrap();
        weigh(Some(LIMIT + 1)).check().unwrap_err();
        weigh(None).check().unwrap();
        weigh(None).require().unwrap_err();
    }

    #[test]
    fn a_stamp_tells_where_one_part_ends() {
        assert_ne!(stamp(&[b"ab", b"c"]), stamp(&[b"a", b"bc"]));
        assert_eq!(stamp(&[b"ab", b"c"]), stamp(&[b"ab", b"c"]));
    }
}
