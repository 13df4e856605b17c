//! Reading bash and binding values to it never panics, and no value becomes part of the text.

#![no_main]

use command::{Parameter, Script, bind};
use libfuzzer_sys::fuzz_target;

/// A value that no input holds by chance.
const VALUE: &str = "';touch /tmp/pwned;\"$(touch /tmp/pwned)";

fuzz_target!(|source: &str| {
    let _ = Script::parse(source).reading();
    let values: Vec<(Parameter, String)> = command::parameter::in_script(source, &Script::assigned(source))
        .into_iter()
        .map(|parameter| (parameter, VALUE.to_owned()))
        .collect();
    if let Ok(bound) = bind(source, &values)
        && !source.contains(VALUE)
    {
        assert!(!bound.source.contains(VALUE));
    }
});
