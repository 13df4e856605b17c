//! The AWS SDK as the carrier of requests: endpoints, signatures, retries, clock skew and connections are its business.
//!
//! What is carried is this crate's: the command line is defined by the *model* of an API (option names, types, the
//! order of printed keys, pages, waiters), and the SDK's generated types know no names at run time and serialise to
//! nothing. Mapping some 150 structures by hand, for input and output, would be ten thousand lines that drop what they
//! forget. So each operation is called through the SDK with an empty input, an [`Exchange`] puts the body that the model
//! makes in place before the request is signed, and keeps the body of the response before its typed reading is thrown
//! away. A call thus prints every member that the model knows, and one more operation is one more line here.

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
    BeforeTransmitInterceptorContextMut, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use bytes::Bytes;
use http_body_util::Limited;

use crate::account::{ATTEMPTS, Made};
use crate::model::{Operation, Service};

/// Bytes of one response, at most: ten times a page of a hundred instances with all their members.
const LARGEST_RESPONSE: usize = 8 << 20;

/// Why a request had no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The service refused it: its code and its sentence, and how often it was asked.
    Service { code: String, message: String, attempts: u32 },
    /// No credentials could be found; why goes to the log.
    NoCredentials,
    /// Nobody answered in time, or at all.
    Unreachable,
    /// An answer that is none of the API's.
    Unintelligible,
}

macro_rules! carriers {
    ($function:ident, $sdk:ident, $($operation:literal => $method:ident,)+) => {
        async fn $function(client: &$sdk::Client, operation: &str, exchange: Exchange) -> Option<Result<(), Trouble>> {
            let retries = match exchange.looks {
                true => RetryConfig::standard().with_max_attempts(ATTEMPTS),
                false => RetryConfig::disabled(),
            };
            let retries = $sdk::config::Builder::new().retry_config(retries);
            match operation {
                $($operation => {
                    let sending = client.$method().customize().config_override(retries).interceptor(exchange).send();
                    Some(Box::pin(sending).await.map(drop).map_err(|error| trouble(&error)))
                })+
                _ => None,
            }
        }
    };
}

carriers! { rds, aws_sdk_rds,
    "AddTagsToResource" => add_tags_to_resource,
    "ApplyPendingMaintenanceAction" => apply_pending_maintenance_action,
    "CreateDBClusterSnapshot" => create_db_cluster_snapshot,
    "CreateDBInstance" => create_db_instance,
    "CreateDBSnapshot" => create_db_snapshot,
    "DeleteDBClusterSnapshot" => delete_db_cluster_snapshot,
    "DeleteDBInstance" => delete_db_instance,
    "DeleteDBSnapshot" => delete_db_snapshot,
    "DescribeAccountAttributes" => describe_account_attributes,
    "DescribeCertificates" => describe_certificates,
    "DescribeDBClusterEndpoints" => describe_db_cluster_endpoints,
    "DescribeDBClusterParameterGroups" => describe_db_cluster_parameter_groups,
    "DescribeDBClusterParameters" => describe_db_cluster_parameters,
    "DescribeDBClusterSnapshots" => describe_db_cluster_snapshots,
    "DescribeDBClusters" => describe_db_clusters,
    "DescribeDBEngineVersions" => describe_db_engine_versions,
    "DescribeDBInstanceAutomatedBackups" => describe_db_instance_automated_backups,
    "DescribeDBInstances" => describe_db_instances,
    "DescribeDBLogFiles" => describe_db_log_files,
    "DescribeDBParameterGroups" => describe_db_parameter_groups,
    "DescribeDBParameters" => describe_db_parameters,
    "DescribeDBSnapshots" => describe_db_snapshots,
    "DescribeDBSubnetGroups" => describe_db_subnet_groups,
    "DescribeEventCategories" => describe_event_categories,
    "DescribeEvents" => describe_events,
    "DescribeOptionGroups" => describe_option_groups,
    "DescribeOrderableDBInstanceOptions" => describe_orderable_db_instance_options,
    "DescribePendingMaintenanceActions" => describe_pending_maintenance_actions,
    "DownloadDBLogFilePortion" => download_db_log_file_portion,
    "FailoverDBCluster" => failover_db_cluster,
    "ListTagsForResource" => list_tags_for_resource,
    "ModifyDBCluster" => modify_db_cluster,
    "ModifyDBInstance" => modify_db_instance,
    "PromoteReadReplica" => promote_read_replica,
    "RebootDBCluster" => reboot_db_cluster,
    "RebootDBInstance" => reboot_db_instance,
    "RemoveTagsFromResource" => remove_tags_from_resource,
    "RestoreDBClusterFromSnapshot" => restore_db_cluster_from_snapshot,
    "RestoreDBClusterToPointInTime" => restore_db_cluster_to_point_in_time,
    "RestoreDBInstanceFromDBSnapshot" => restore_db_instance_from_db_snapshot,
    "RestoreDBInstanceToPointInTime" => restore_db_instance_to_point_in_time,
    "StartDBCluster" => start_db_cluster,
    "StartDBInstance" => start_db_instance,
    "StopDBCluster" => stop_db_cluster,
    "StopDBInstance" => stop_db_instance,
}

carriers! { acm, aws_sdk_acm,
    "AddTagsToCertificate" => add_tags_to_certificate,
    "DeleteCertificate" => delete_certificate,
    "DescribeCertificate" => describe_certificate,
    "GetAccountConfiguration" => get_account_configuration,
    "GetCertificate" => get_certificate,
    "ListCertificates" => list_certificates,
    "ListTagsForCertificate" => list_tags_for_certificate,
    "RemoveTagsFromCertificate" => remove_tags_from_certificate,
    "RenewCertificate" => renew_certificate,
    "RequestCertificate" => request_certificate,
    "ResendValidationEmail" => resend_validation_email,
    "UpdateCertificateOptions" => update_certificate_options,
}

/// Whether an operation only looks, by the API's own way to name them. What changes something is sent once: nobody knows
/// whether a request without an answer was carried out, and a person decides what happens then.
pub(crate) fn looks(operation: &Operation) -> bool {
    ["Describe", "List", "Get", "Download"].iter().any(|verb| operation.name.starts_with(verb))
}

/// Sends one request and gives the body of a response that is a success.
///
/// # Errors
/// [`Trouble`].
pub(crate) async fn send(
    clients: &Made,
    service: &Service,
    operation: &Operation,
    body: Bytes,
) -> Result<Bytes, Trouble> {
    let kept = Arc::new(Mutex::new(Kept::default()));
    let exchange = Exchange { body, looks: looks(operation), kept: kept.clone() };
    let sent = match service.name {
        "rds" => rds(&clients.rds, operation.name, exchange).await,
        _ => acm(&clients.acm, operation.name, exchange).await,
    };
    let sent = sent.expect("the model names no operation without a carrier: a test goes through all of them");
    let kept = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
    match (kept.success, sent) {
        (Some(body), _) => Ok(body),
        (None, Err(Trouble::Service { code, message, .. })) => {
            Err(Trouble::Service { code, message, attempts: kept.attempts })
        }
        (None, Err(trouble)) => Err(trouble),
        (None, Ok(())) => Err(Trouble::Unintelligible),
    }
}

#[derive(Debug, Default)]
struct Kept {
    attempts: u32,
    success: Option<Bytes>,
}

/// Puts a request's body in place and keeps a response's. `Debug` shows neither: there may be a password in them.
struct Exchange {
    body: Bytes,
    looks: bool,
    kept: Arc<Mutex<Kept>>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "exchange"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        request.headers_mut().insert("content-length", self.body.len().to_string());
        *request.body_mut() = SdkBody::from(self.body.clone());
        Ok(())
    }

    fn read_before_attempt(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.attempts += 1;
        kept.success = None;
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, LARGEST_RESPONSE));
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success() {
            let body = Bytes::copy_from_slice(response.body().bytes().unwrap_or_default());
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).success = Some(body);
        }
        Ok(())
    }
}

fn trouble<E>(error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let told = match error {
        SdkError::ServiceError(refused) => {
            let (meta, status) = (refused.err().meta(), refused.raw().status().as_u16());
            return match meta.code() {
                Some(code) => Trouble::Service {
                    code: code.to_owned(),
                    message: meta.message().unwrap_or("None").to_owned(),
                    attempts: 1,
                },
                None => Trouble::Service { code: status.to_string(), message: String::new(), attempts: 1 },
            };
        }
        SdkError::ResponseError(_) => Trouble::Unintelligible,
        _ if about_credentials(error) => Trouble::NoCredentials,
        _ => Trouble::Unreachable,
    };
    let cause = error.source().map_or_else(String::new, causes);
    tracing::warn!(trouble = ?told, cause, "a request to AWS had no answer");
    told
}

fn about_credentials<E: Error + 'static>(error: &SdkError<E, HttpResponse>) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<aws_credential_types::provider::error::CredentialsError>() {
            return true;
        }
        cause = inner.source();
    }
    false
}

/// An error and what lies under it, outermost first.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
