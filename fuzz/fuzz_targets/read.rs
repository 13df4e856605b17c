//! Reading a file never panics, and what it makes of it holds together.

#![no_main]

use libfuzzer_sys::fuzz_target;
use runbook::{Block, RunbookId, parse};

fuzz_target!(|bytes: &[u8]| {
    let Ok(runbook) = parse(RunbookId::new("fuzz"), bytes, None) else { return };
    for block in &runbook.blocks {
        if let Block::Step(procedure, step) = block {
            let procedure = runbook.procedure(procedure).expect("a block names a procedure of its runbook");
            procedure.step(step).expect("a block names a step of its procedure");
        }
    }
});
