//! The command line's names of what the API names.

/// `DBInstanceIdentifier` as an option: `db-instance-identifier`. The rules are the real program's (botocore,
/// `xform_name`), so that `MultiAZ` is `multi-az` and `TagARNs` is `tag-arns`.
pub(crate) fn kebab(name: &str) -> String {
    let plural = name.len() - name.trim_end_matches('s').len();
    let stem = &name[..name.len() - plural.min(1)];
    let capitals = stem.bytes().rev().take_while(u8::is_ascii_uppercase).count();
    let (head, tail) = if plural == 1 && capitals >= 2 { name.split_at(stem.len() - capitals) } else { (name, "") };
    let mut dashed = String::new();
    let letters: Vec<char> = head.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase()
                    || before.is_ascii_digit()
                    || (before != '-' && after.is_some_and(char::is_ascii_lowercase))
            });
        if begins {
            dashed.push('-');
        }
        dashed.push(letter.to_ascii_lowercase());
    }
    if !tail.is_empty() {
        if !dashed.is_empty() {
            dashed.push('-');
        }
        dashed.push_str(&tail.to_ascii_lowercase());
    }
    dashed
}

#[cfg(test)]
mod tests {
    use super::kebab;

    #[test]
    fn names_are_the_real_programs() {
        for (name, option) in [
            ("DBInstanceIdentifier", "db-instance-identifier"),
            ("MultiAZ", "multi-az"),
            ("DescribeDBInstances", "describe-db-instances"),
            ("IAMDatabaseAuthentication", "iam-database-authentication"),
            ("EnableIAMDatabaseAuthentication", "enable-iam-database-authentication"),
            ("DBClusterSnapshotAvailable", "db-cluster-snapshot-available"),
            ("VpcSecurityGroupIds", "vpc-security-group-ids"),
            ("RestoreDBInstanceToPointInTime", "restore-db-instance-to-point-in-time"),
            ("CACertificateIdentifier", "ca-certificate-identifier"),
            ("ProcessorFeatures", "processor-features"),
            ("EnableCloudwatchLogsExports", "enable-cloudwatch-logs-exports"),
            ("DomainIAMRoleName", "domain-iam-role-name"),
            ("PerformanceInsightsKMSKeyId", "performance-insights-kms-key-id"),
            ("TagARNs", "tag-arns"),
            ("DomainDnsIps", "domain-dns-ips"),
            ("S3BucketName", "s3-bucket-name"),
        ] {
            assert_eq!(kebab(name), option);
        }
    }
}
