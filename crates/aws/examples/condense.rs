//! Condenses AWS's published model of an API to what this crate needs of it, in the format that `src/model.rs` reads.
//!
//! ```text
//! cargo run -p aws --example condense -- rds rds/2014-10-31 > crates/aws/model/rds.txt
//! ```
//!
//! The folder holds `service-2.json`, `paginators-1.json` and `waiters-2.json` as AWS publishes them with its SDK for
//! Python (botocore, Apache License 2.0), unpacked. A new operation is a word in [`OPERATIONS`] and a line in `src/sdk.rs`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::{env, fs, io};

use serde_json::Value;

const OPERATIONS: &[(&str, &[&str])] = &[
    (
        "rds",
        &[
            "AddTagsToResource",
            "ApplyPendingMaintenanceAction",
            "CreateDBClusterSnapshot",
            "CreateDBInstance",
            "CreateDBSnapshot",
            "DeleteDBClusterSnapshot",
            "DeleteDBInstance",
            "DeleteDBSnapshot",
            "DescribeAccountAttributes",
            "DescribeCertificates",
            "DescribeDBClusterEndpoints",
            "DescribeDBClusterParameterGroups",
            "DescribeDBClusterParameters",
            "DescribeDBClusterSnapshots",
            "DescribeDBClusters",
            "DescribeDBEngineVersions",
            "DescribeDBInstanceAutomatedBackups",
            "DescribeDBInstances",
            "DescribeDBLogFiles",
            "DescribeDBParameterGroups",
            "DescribeDBParameters",
            "DescribeDBSnapshots",
            "DescribeDBSubnetGroups",
            "DescribeEventCategories",
            "DescribeEvents",
            "DescribeOptionGroups",
            "DescribeOrderableDBInstanceOptions",
            "DescribePendingMaintenanceActions",
            "DownloadDBLogFilePortion",
            "FailoverDBCluster",
            "ListTagsForResource",
            "ModifyDBCluster",
            "ModifyDBInstance",
            "PromoteReadReplica",
            "RebootDBCluster",
            "RebootDBInstance",
            "RemoveTagsFromResource",
            "RestoreDBClusterFromSnapshot",
            "RestoreDBClusterToPointInTime",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceToPointInTime",
            "StartDBCluster",
            "StartDBInstance",
            "StopDBCluster",
            "StopDBInstance",
        ],
    ),
    (
        "acm",
        &[
            "AddTagsToCertificate",
            "DeleteCertificate",
            "DescribeCertificate",
            "GetAccountConfiguration",
            "GetCertificate",
            "ListCertificates",
            "ListTagsForCertificate",
            "RemoveTagsFromCertificate",
            "RenewCertificate",
            "RequestCertificate",
            "ResendValidationEmail",
            "UpdateCertificateOptions",
        ],
    ),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(service), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: condense SERVICE FOLDER".into());
    };
    let read = |name: &str| -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_str(&fs::read_to_string(format!("{folder}/{name}"))?)?)
    };
    let (api, pages, waiters) = (read("service-2.json")?, read("paginators-1.json")?, read("waiters-2.json")?);
    let names = OPERATIONS.iter().find(|(name, _)| *name == service).map(|(_, names)| *names);
    let names = names.ok_or("no operation of this service is native")?;
    let text = condense(&service, names, &api, &pages["pagination"], &waiters["waiters"])?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

fn condense(
    service: &str,
    names: &[&str],
    api: &Value,
    pages: &Value,
    waiters: &Value,
) -> Result<String, Box<dyn Error>> {
    let mut text = format!(
        "# Made by examples/condense.rs from AWS's model of this API (Apache License 2.0); not edited by hand.\n\
         service {service} {} {}\n",
        word(&api["metadata"]["protocol"]),
        word(&api["metadata"]["apiVersion"])
    );
    let mut wanted = Vec::new();
    for name in names {
        let operation = api["operations"].get(*name).ok_or_else(|| format!("no operation {name}"))?;
        let (input, output) = (&operation["input"]["shape"], &operation["output"]["shape"]);
        let wrapper = &operation["output"]["resultWrapper"];
        writeln!(text, "operation {name} {} {} {}", word(input), word(output), word(wrapper))?;
        wanted.extend([input, output].into_iter().filter_map(Value::as_str));
        let page = &pages[*name];
        if page.is_object() {
            write!(text, "page {}", word(&page["result_key"]))?;
            for (key, member) in [("input_token", "in"), ("output_token", "out"), ("limit_key", "limit")] {
                write!(text, " {member}={}", word(&page[key]))?;
            }
            writeln!(text, " more={}", word(&page["more_results"]))?;
        }
    }
    for (name, waiter) in waiters.as_object().into_iter().flatten() {
        if !names.contains(&word(&waiter["operation"])) {
            continue;
        }
        let operation = word(&waiter["operation"]);
        writeln!(text, "waiter {name} {operation} {} {}", waiter["delay"], waiter["maxAttempts"])?;
        for acceptor in waiter["acceptors"].as_array().into_iter().flatten() {
            let of = |key: &str| word(&acceptor[key]);
            let expected = &acceptor["expected"];
            writeln!(text, " {} {} {expected} {}", of("state"), of("matcher"), of("argument"))?;
        }
    }
    let mut written = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if !written.insert(name) {
            continue;
        }
        let shape = &api["shapes"][name];
        writeln!(text, "structure {name}")?;
        for (member, of) in shape["members"].as_object().into_iter().flatten() {
            let required = shape["required"].as_array().is_some_and(|names| names.iter().any(|name| name == member));
            let mark = if required { "!" } else { "" };
            writeln!(text, " {member}{mark} {}", kind(&of["shape"], api, &mut wanted)?)?;
        }
    }
    Ok(text)
}

/// A shape as the right-hand side of a member, its structures noted as wanted.
fn kind<'a>(shape: &'a Value, api: &'a Value, wanted: &mut Vec<&'a str>) -> Result<String, Box<dyn Error>> {
    let name = shape.as_str().ok_or("a member without a shape")?;
    let shape = &api["shapes"][name];
    let least = match &shape["min"] {
        Value::Number(least) if least.as_u64() != Some(0) => format!(">={least}"),
        _ => String::new(),
    };
    Ok(match word(&shape["type"]) {
        "structure" => {
            wanted.push(name);
            name.to_owned()
        }
        "list" => {
            let member = &shape["member"];
            let location = member["locationName"].as_str().unwrap_or("member");
            format!("[{}/{location}]{least}", kind(&member["shape"], api, wanted)?)
        }
        "map" => return Err(format!("{name} is a map: the model has no word for it yet").into()),
        scalar => format!("{scalar}{least}"),
    })
}

/// A text of the model; `-` where there is none.
fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}
