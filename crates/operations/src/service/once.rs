//! What programs need beside what pages do: starting a run once however often it is asked for, and one execution by its id.

use std::collections::BTreeMap;

use runbook::{ProcedureId, RunbookId};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::{Operations, permit};
use crate::{Caller, EnvironmentName, Error, Execution, ExecutionId, MessageId, Permission, Run, RunId, TokenId};

/// A request that a program may send again: the token that sends it and the program's own key. The run that it starts gets
/// its id from both, so that the same request finds it again, also after the portal has started anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnceKey(RunId);

impl OnceKey {
    /// The key of one token's program.
    #[must_use]
    pub fn new(token: TokenId, key: &str) -> Self {
        let digest = Sha256::new().chain_update(token.0).chain_update(key).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        // RFC 9562, 5.8: an id of our own making.
        Self(RunId(Builder::from_custom_bytes(bytes).into_uuid()))
    }

    /// What a message of this request is called: runs and messages are kept apart, so both may have the same id.
    #[must_use]
    pub fn message(self) -> MessageId {
        MessageId(self.0.0)
    }
}

/// Whether a run was started or had been already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// Now.
    Now(RunId),
    /// By the same request, earlier.
    Before(RunId),
}

impl Operations {
    /// Starts a run, unless the same request has started it already.
    ///
    /// # Errors
    /// As [`Operations::start_run`]; [`Error::Invalid`] where the key was used for another request.
    pub async fn start_run_once(
        &self,
        caller: &Caller,
        key: OnceKey,
        (runbook, procedure): (&RunbookId, &ProcedureId),
        environment: &EnvironmentName,
        given: BTreeMap<String, String>,
    ) -> Result<Started, Error> {
        let (this, caller) = (self.clone(), caller.clone());
        let (runbook, procedure, environment) = (runbook.clone(), procedure.clone(), environment.clone());
        self.whole(async move {
            this.permit(&caller, Permission::Run, "start a run").await?;
            let _turn = this.rooms.turn(key.0).await;
            match this.rooms.runs.run(key.0).await? {
                None => {
                    let what = (&runbook, &procedure);
                    this.start(&caller, key.0, what, &environment, given, None).await.map(Started::Now)
                }
                // Values are left aside: those of a run change while people work on it.
                Some(run) if run.runbook == runbook && run.procedure == procedure && run.environment == environment => {
                    Ok(Started::Before(run.id))
                }
                Some(run) => Err(Error::Invalid(format!(
                    "This Idempotency-Key has started run {} of another procedure or environment: send another key.",
                    run.number
                ))),
            }
        })
        .await
    }

    /// One execution, and the run that it belongs to.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`], [`Error::Store`].
    pub async fn execution(&self, caller: &Caller, id: ExecutionId) -> Result<(Run, Execution), Error> {
        permit(caller, Permission::View)?;
        let mut execution = self.rooms.runs.execution(id).await?.ok_or(Error::NotFound("This execution"))?;
        if !caller.person.role.permits(Permission::SeeOutput) {
            crate::views::execution_without_output(&mut execution);
        }
        Ok((self.existing_run(execution.run).await?, execution))
    }
}
