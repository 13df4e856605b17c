//! What the portal performs itself of AWS. The model in the `aws` room holds the same operations; a test there
//! compares.

/// The operations that the portal performs itself, by service; the rest is left to the real program.
const NATIVE: &[(&str, &[&str])] = &[
    (
        "acm",
        &[
            "add-tags-to-certificate",
            "delete-certificate",
            "describe-certificate",
            "get-account-configuration",
            "get-certificate",
            "list-certificates",
            "list-tags-for-certificate",
            "remove-tags-from-certificate",
            "renew-certificate",
            "request-certificate",
            "resend-validation-email",
            "update-certificate-options",
        ],
    ),
    (
        "rds",
        &[
            "add-tags-to-resource",
            "apply-pending-maintenance-action",
            "create-db-cluster-snapshot",
            "create-db-instance",
            "create-db-snapshot",
            "delete-db-cluster-snapshot",
            "delete-db-instance",
            "delete-db-snapshot",
            "describe-account-attributes",
            "describe-certificates",
            "describe-db-cluster-endpoints",
            "describe-db-cluster-parameter-groups",
            "describe-db-cluster-parameters",
            "describe-db-cluster-snapshots",
            "describe-db-clusters",
            "describe-db-engine-versions",
            "describe-db-instance-automated-backups",
            "describe-db-instances",
            "describe-db-log-files",
            "describe-db-parameter-groups",
            "describe-db-parameters",
            "describe-db-snapshots",
            "describe-db-subnet-groups",
            "describe-event-categories",
            "describe-events",
            "describe-option-groups",
            "describe-orderable-db-instance-options",
            "describe-pending-maintenance-actions",
            "download-db-log-file-portion",
            "failover-db-cluster",
            "list-tags-for-resource",
            "modify-db-cluster",
            "modify-db-instance",
            "promote-read-replica",
            "reboot-db-cluster",
            "reboot-db-instance",
            "remove-tags-from-resource",
            "restore-db-cluster-from-snapshot",
            "restore-db-cluster-to-point-in-time",
            "restore-db-instance-from-db-snapshot",
            "restore-db-instance-to-point-in-time",
            "start-db-cluster",
            "start-db-instance",
            "stop-db-cluster",
            "stop-db-instance",
        ],
    ),
];

/// The states that the portal waits for itself, by service.
const NATIVE_WAITERS: &[(&str, &[&str])] = &[
    ("acm", &["certificate-validated"]),
    (
        "rds",
        &[
            "db-cluster-available",
            "db-cluster-deleted",
            "db-cluster-snapshot-available",
            "db-cluster-snapshot-deleted",
            "db-instance-available",
            "db-instance-deleted",
            "db-snapshot-available",
            "db-snapshot-completed",
            "db-snapshot-deleted",
        ],
    ),
];

/// Whether the portal performs this operation itself. Of `wait`, `first` says for what: `db-instance-available`.
#[must_use]
pub fn native(service: &str, operation: &str, first: &str) -> bool {
    let holds = |table: &[(&str, &[&str])], name: &str| {
        table.iter().any(|(known, names)| *known == service && names.contains(&name))
    };
    if operation == "wait" { holds(NATIVE_WAITERS, first) } else { holds(NATIVE, operation) }
}

/// The operations of a service that the portal performs itself, sorted.
#[must_use]
pub fn native_operations(service: &str) -> &'static [&'static str] {
    NATIVE.iter().find(|(known, _)| *known == service).map_or(&[], |(_, names)| names)
}
