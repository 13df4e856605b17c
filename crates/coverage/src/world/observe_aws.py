"""Tells what an account on moto holds: for every line on its input, one line of JSON with each thing by an address of its
own. Argument: the address of moto.
"""

import json
import sys

import boto3
from botocore.config import Config

ENDPOINT = sys.argv[1]

# What each service is asked: operation, the list in its answer, the names that tell its things apart.
QUESTIONS = {
    "rds": [
        ("describe_db_instances", "DBInstances", ["DBInstanceIdentifier"]),
        ("describe_db_clusters", "DBClusters", ["DBClusterIdentifier"]),
        ("describe_db_snapshots", "DBSnapshots", ["DBSnapshotIdentifier"]),
        ("describe_db_cluster_snapshots", "DBClusterSnapshots", ["DBClusterSnapshotIdentifier"]),
    ],
    "ec2": [
        ("describe_security_groups", "SecurityGroups", ["GroupId"]),
        ("describe_volumes", "Volumes", ["VolumeId"]),
    ],
    "elbv2": [
        ("describe_load_balancers", "LoadBalancers", ["LoadBalancerArn"]),
        ("describe_target_groups", "TargetGroups", ["TargetGroupArn"]),
    ],
    "acm": [("list_certificates", "CertificateSummaryList", ["CertificateArn"])],
    "secretsmanager": [("list_secrets", "SecretList", ["Name"])],
    "cloudwatch": [("describe_alarms", "MetricAlarms", ["AlarmName"])],
    "apigateway": [("get_rest_apis", "items", ["id"])],
}


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        config=Config(s3={"addressing_style": "path"}),
    )


CLIENTS = {}


def ask(service, operation, **arguments):
    if service not in CLIENTS:
        CLIENTS[service] = client(service)
    return getattr(CLIENTS[service], operation)(**arguments)


# What moves by itself.
MOVING = ["LatestRestorableTime", "EarliestRestorableTime", "LastAccessedDate"]


def look():
    seen = {}
    for service, questions in QUESTIONS.items():
        for operation, items, names in questions:
            for item in ask(service, operation)[items]:
                item = {name: value for name, value in item.items() if name not in MOVING}
                seen[" ".join([service, items, *(item[name] for name in names)])] = item
    for snapshot in ask("ec2", "describe_snapshots", OwnerIds=["self"])["Snapshots"]:
        seen[f"ec2 Snapshots {snapshot['SnapshotId']}"] = snapshot
    for group in ask("elbv2", "describe_target_groups")["TargetGroups"]:
        health = ask("elbv2", "describe_target_health", TargetGroupArn=group["TargetGroupArn"])
        seen[f"elbv2 targets {group['TargetGroupArn']}"] = health["TargetHealthDescriptions"]
    for balancer in ask("elbv2", "describe_load_balancers")["LoadBalancers"]:
        arn = balancer["LoadBalancerArn"]
        acl = ask("wafv2", "get_web_acl_for_resource", ResourceArn=arn).get("WebACL") or {}
        seen[f"wafv2 web-acl of {arn}"] = acl.get("ARN")
    for url in ask("sqs", "list_queues").get("QueueUrls", []):
        attributes = ask("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        attributes.pop("LastModifiedTimestamp", None)
        seen[f"sqs queue {url}"] = attributes
    for cluster in ask("eks", "list_clusters")["clusters"]:
        for group in ask("eks", "list_nodegroups", clusterName=cluster)["nodegroups"]:
            seen[f"eks nodegroup {cluster} {group}"] = ask(
                "eks", "describe_nodegroup", clusterName=cluster, nodegroupName=group
            )["nodegroup"]
    for zone in ask("route53", "list_hosted_zones")["HostedZones"]:
        records = ask("route53", "list_resource_record_sets", HostedZoneId=zone["Id"])["ResourceRecordSets"]
        seen[f"route53 zone {zone['Id']}"] = records
    for item in ask("cloudfront", "list_distributions")["DistributionList"].get("Items", []):
        answer = ask("cloudfront", "get_distribution", Id=item["Id"])
        seen[f"cloudfront distribution {item['Id']}"] = answer["Distribution"]["DistributionConfig"]
    for rest in ask("apigateway", "get_rest_apis")["items"]:
        seen[f"apigateway stages {rest['id']}"] = ask("apigateway", "get_stages", restApiId=rest["id"])["item"]
    for secret in ask("secretsmanager", "list_secrets")["SecretList"]:
        value = ask("secretsmanager", "get_secret_value", SecretId=secret["Name"])
        seen[f"secretsmanager value {secret['Name']}"] = value["SecretString"]
    for bucket in ask("s3", "list_buckets")["Buckets"]:
        for item in ask("s3", "list_objects_v2", Bucket=bucket["Name"]).get("Contents", []):
            seen[f"s3 object {bucket['Name']}/{item['Key']}"] = item["ETag"]
    return seen


for _ in sys.stdin:
    print(json.dumps(look(), default=str), flush=True)
