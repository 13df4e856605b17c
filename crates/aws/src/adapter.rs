//! The adapter: one call of `aws`, performed.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use command::Refusal;
use command::cloud::{self, Invocation};
use operations::{Adapter, Call, CallIo, Environment, EnvironmentName, Stream};
use serde_json::{Map, Value};

use crate::account::{Account, Clients};
use crate::arguments::{self, Given, Paging, Raw};
use crate::call::Caller;
use crate::failure::{ENDED, Failure};
use crate::model::{self, Operation, Service, Waiter};
use crate::output::Style;
use crate::{page, sdk, unpack, validate, wait};

/// Bytes of a file that a parameter names, at most.
const LARGEST_FILE: usize = 1 << 20;
/// Bytes sent to the caller at once, at most.
const PIECE: usize = 32 << 10;

/// Performs the calls of `aws`: rds and acm natively, all else through another adapter.
pub struct Aws {
    accounts: HashMap<EnvironmentName, Clients>,
    pub(crate) fallback: Option<Arc<dyn Adapter>>,
}

/// A native call, as far as its words tell.
struct Understood {
    service: &'static Service,
    operation: &'static Operation,
    waiter: Option<&'static Waiter>,
    given: Given,
    style: Style,
}

/// Who performs a call.
enum By<'a> {
    Portal(Box<Understood>, &'a Clients),
    Program(&'a dyn Adapter),
}

impl Aws {
    /// The adapter for these environments. `fallback` performs what is not native: the real program, in a sandbox of its
    /// own; without one such calls are refused.
    #[must_use]
    pub fn new(
        accounts: impl IntoIterator<Item = (EnvironmentName, Account)>,
        fallback: Option<Arc<dyn Adapter>>,
    ) -> Self {
        let accounts = accounts.into_iter().map(|(name, account)| (name, Clients::new(account))).collect();
        Self { accounts, fallback }
    }

    /// Looks without a command line, for live status and suggestions: the output of a native operation that only looks,
    /// by the API's names (`rds`, `DescribeDBInstances`), all its pages together.
    ///
    /// # Errors
    /// A plain sentence: the environment has no account, the operation is none of those, or what the service said.
    pub async fn look(
        &self,
        environment: &Environment,
        service: &str,
        operation: &str,
        parameters: Map<String, Value>,
    ) -> Result<Value, String> {
        let clients = self.clients(environment).map_err(|refusal| refusal.reason)?;
        let known = model::service(service).and_then(|service| Some((service, service.operation(operation)?)));
        let (service, operation) = known
            .filter(|(_, operation)| sdk::looks(operation))
            .ok_or_else(|| format!("{service} {operation} is no native operation that only looks."))?;
        let looked = async {
            validate::validate(service, operation.input, &parameters)?;
            let caller = Caller { clients, service, operation };
            match &operation.page {
                Some(page) => Ok(page::all(&caller, page, parameters, &Paging::default()).await?.joined(page)),
                None => caller.call(&parameters).await.map(|(output, _)| Value::Object(output)),
            }
        };
        looked.await.map_err(|failure: Failure| failure.print().trim().to_owned())
    }

    fn clients(&self, environment: &Environment) -> Result<&Clients, Refusal> {
        self.accounts.get(&environment.name).filter(|_| environment.aws.is_some()).ok_or_else(|| {
            Refusal::not_permitted(format!(
                "The environment {} has no AWS account: choose one that has, or ask whoever runs the portal to add it.",
                environment.name
            ))
        })
    }

    fn understood(&self, environment: &Environment, call: &Call) -> Result<By<'_>, Failure> {
        let words = call.argv.get(1..).unwrap_or_default();
        let invocation = cloud::split(words)?;
        let clients = self.clients(environment)?;
        let account = &clients.account;
        if let Some(region) = invocation.region.filter(|region| *region != account.region) {
            return Err(Failure::Refused(Refusal::not_permitted(format!(
                "`aws --region {region}` is not permitted: this environment is {} in {}. Leave it out.",
                account.label, account.region
            ))));
        }
        if invocation.native() {
            return Ok(By::Portal(Box::new(native(&invocation)?), clients));
        }
        let Some(fallback) = &self.fallback else {
            let name = [invocation.service, invocation.operation].join(" ");
            return Err(Failure::Refused(Refusal::not_available(format!(
                "`aws {}` needs the real aws program, which this portal does not have: ask whoever runs it \
                 to configure it, or carry this step out elsewhere and mark it as done by hand.",
                name.trim()
            ))));
        };
        fallback.check(environment, call)?;
        Ok(By::Program(fallback.as_ref()))
    }
}

fn native(invocation: &Invocation<'_>) -> Result<Understood, Failure> {
    let missing = || Failure::general("The portal's model of this operation is missing.");
    let service = model::service(invocation.service).ok_or_else(missing)?;
    let style = Style::read(invocation)?;
    let (operation, waiter, rest) = match invocation.rest.split_first() {
        Some((state, rest)) if invocation.operation == "wait" => {
            let waiter = service.waiter(state).ok_or_else(missing)?;
            (service.operation(waiter.operation), Some(waiter), rest)
        }
        _ => (service.command(invocation.operation), None, invocation.rest.as_slice()),
    };
    let operation = operation.ok_or_else(missing)?;
    // A waiter looks at one page, whatever it is given.
    let given = arguments::read(service, operation, rest, invocation.paginates && waiter.is_none())?;
    Ok(Understood { service, operation, waiter, given, style })
}

impl Understood {
    async fn perform(mut self, clients: &Clients, io: &dyn CallIo) -> Result<String, Failure> {
        let parameters = self.parameters(io).await?;
        let own_paging = self
            .operation
            .page
            .as_ref()
            .is_some_and(|page| parameters.contains_key(page.input_token) || parameters.contains_key(page.limit));
        validate::validate(self.service, self.operation.input, &parameters)?;
        let caller = Caller { clients, service: self.service, operation: self.operation };
        if let Some(waiter) = self.waiter {
            wait::until(&caller, waiter, &parameters).await?;
            return Ok(String::new());
        }
        if let Some(page) = self.operation.page.as_ref().filter(|_| !self.given.paging.off && !own_paging) {
            let pages = page::all(&caller, page, parameters, &self.given.paging).await?;
            return self.style.print_pages(self.operation.name, page, pages);
        }
        let (output, _) = caller.call(&parameters).await?;
        self.style.print(self.operation.name, Value::Object(output))
    }

    /// The parameters by the API's names. What `--cli-input-json` says gives way to the options.
    async fn parameters(&mut self, io: &dyn CallIo) -> Result<Map<String, Value>, Failure> {
        let members = self.service.members(self.operation.input);
        let mut parameters = Map::new();
        for (name, mut raw) in std::mem::take(&mut self.given.members) {
            let member = members.iter().find(|member| member.name == name).expect("options are named by members");
            let option = format!("--{}", crate::kebab::kebab(name));
            match &mut raw {
                Raw::One(word) => read_file(&option, word, io).await?,
                Raw::Many(words) if words.len() == 1 => read_file(&option, &mut words[0], io).await?,
                Raw::Many(_) | Raw::Flag(_) => {}
            }
            parameters.insert(name.to_owned(), unpack::unpack(self.service, member, &raw)?);
        }
        if let Some(mut input) = self.given.input.take() {
            read_file("cli-input-json", &mut input, io).await?;
            let Ok(Value::Object(input)) = serde_json::from_str(&input) else {
                return Err(Failure::parsing("cli-input-json", "Invalid JSON received."));
            };
            for (name, value) in input {
                parameters.entry(name).or_insert(value);
            }
        }
        Ok(parameters)
    }
}

/// Puts a file's text in place of the word that names it. Which files may be named is the grammar's business
/// ([`cloud::split`]); the shim opens them as the caller sees them.
async fn read_file(option: &str, word: &mut String, io: &dyn CallIo) -> Result<(), Failure> {
    let Some(path) = word.strip_prefix("file://").or_else(|| word.strip_prefix("fileb://")) else { return Ok(()) };
    let bytes = io.read_file(path, LARGEST_FILE).await.map_err(|error| Failure::file(option, word, error))?;
    *word = String::from_utf8(bytes.to_vec()).map_err(|_| {
        Failure::parsing(option, &format!("Unable to load paramfile ({word}), text contents could not be decoded."))
    })?;
    Ok(())
}

async fn write(io: &dyn CallIo, stream: Stream, text: String) -> Result<(), Failure> {
    let mut bytes = Bytes::from(text);
    while !bytes.is_empty() {
        let piece = bytes.split_to(bytes.len().min(PIECE));
        io.write(stream, piece).await?;
    }
    Ok(())
}

#[async_trait]
impl Adapter for Aws {
    fn tool(&self) -> &'static str {
        "aws"
    }

    fn check(&self, environment: &Environment, call: &Call) -> Result<(), Refusal> {
        self.understood(environment, call).map(drop).map_err(Failure::into_refusal)
    }

    async fn perform(&self, environment: &Environment, call: &Call, io: &dyn CallIo) -> u8 {
        let work = async {
            match self.understood(environment, call)? {
                // The fallback ends its program by itself.
                By::Program(program) => Ok(program.perform(environment, call, io).await),
                By::Portal(understood, clients) => {
                    let ended = io.ended();
                    // A call that is dropped closes its connection.
                    let printed = tokio::select! {
                        biased;
                        () = ended.cancelled() => return Err(Failure::Ended),
                        printed = understood.perform(clients, io) => printed?,
                    };
                    write(io, Stream::Stdout, printed).await?;
                    Ok(0)
                }
            }
        };
        let failure: Failure = match work.await {
            Ok(code) => return code,
            Err(failure) => failure,
        };
        match write(io, Stream::Stderr, failure.print()).await {
            Ok(()) => failure.exit_code(),
            Err(_) => ENDED,
        }
    }
}
