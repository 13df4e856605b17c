"""Fills a new moto with what runbooks act on, and prints as JSON what it made: values by the names that runbooks use
for them in placeholders and variables.

Argument: the address of moto. The keys are made up: moto takes any, and nothing here ever speaks to AWS.
"""

import datetime
import gzip
import json
import sys

import boto3
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

REGION = "us-east-1"

ENDPOINT = sys.argv[1]


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name=REGION,
        aws_access_key_id="bench",
        aws_secret_access_key="bench",
        # One try: whatever fails here fails again, and shall be seen.
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def network():
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{n}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    groups = {}
    for name, what in [
        ("web", "Reached from the internet"),
        ("alb", "Load balancer"),
        ("database", "Databases"),
    ]:
        groups[name] = ec2.create_security_group(GroupName=f"bench-{name}", Description=what, VpcId=vpc)["GroupId"]
    for name, port, source in [("web", 80, "10.20.0.0/16"), ("alb", 443, "0.0.0.0/0"), ("database", 5432, "10.20.0.0/16")]:
        ec2.authorize_security_group_ingress(
            GroupId=groups[name],
            IpPermissions=[
                {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": source}]},
            ],
        )
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    instances = [
        instance["InstanceId"]
        for instance in ec2.run_instances(
            ImageId=image, InstanceType="t3.small", MinCount=2, MaxCount=2, SubnetId=subnets[0],
            SecurityGroupIds=[groups["web"]],
        )["Instances"]
    ]
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=8, VolumeType="gp3")["VolumeId"]
    ec2.attach_volume(VolumeId=volume, InstanceId=instances[0], Device="/dev/sdf")
    values = {
        "vpc-id": vpc,
        "subnet-ids": subnets,
        "instance-id": instances[0],
        "instance-ids": instances,
        "volume-id": volume,
        "sg-id": groups["database"],
        "security-group-id": groups["web"],
        "alb-sg": groups["alb"],
        "SG_ID": groups["web"],
    }
    return values


def load_balancer(net):
    elb = client("elbv2")
    balancer = elb.create_load_balancer(
        Name="pms-alb", Subnets=net["subnet-ids"], SecurityGroups=[net["alb-sg"]], Scheme="internet-facing"
    )["LoadBalancers"][0]["LoadBalancerArn"]
    target_group = elb.create_target_group(
        Name="pms-analytics", Protocol="HTTP", Port=8080, VpcId=net["vpc-id"], TargetType="instance",
        HealthCheckPath="/actuator/health",
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.register_targets(TargetGroupArn=target_group, Targets=[{"Id": i} for i in net["instance-ids"]])
    elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    acl = client("wafv2").create_web_acl(
        Name="bench-acl",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "bench"},
        Rules=[],
    )["Summary"]["ARN"]
    return {"ALB_ARN": balancer, "target-group-arn": target_group, "arn": target_group, "WAF_ACL_ARN": acl}


def databases(net):
    rds = client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier="fintech-banking-db",
        DBInstanceClass="db.r6g.large",
        Engine="postgres",
        EngineVersion="15.4",
        MasterUsername="fintech_app",
        MasterUserPassword="not-a-real-password",
        AllocatedStorage=100,
        MultiAZ=True,
        BackupRetentionPeriod=7,
        DBName="fintech_banking_db",
        VpcSecurityGroupIds=[net["sg-id"]],
    )
    for name in ["fintech-backup-202401140200", "fintech-backup-202401150200"]:
        rds.create_db_snapshot(DBInstanceIdentifier="fintech-banking-db", DBSnapshotIdentifier=name)
    rds.create_db_cluster(
        DBClusterIdentifier="pms-database",
        Engine="aurora-postgresql",
        EngineVersion="15.4",
        MasterUsername="pms_user",
        MasterUserPassword="not-a-real-password",
        DatabaseName="pms",
        BackupRetentionPeriod=30,
    )
    rds.create_db_instance(
        DBInstanceIdentifier="pms-database-1", DBClusterIdentifier="pms-database",
        DBInstanceClass="db.r7g.large", Engine="aurora-postgresql",
    )
    rds.create_db_cluster_snapshot(
        DBClusterIdentifier="pms-database", DBClusterSnapshotIdentifier="manual-backup-20240115-020000"
    )
    return {
        "db-instance": "fintech-banking-db",
        "db-cluster": "pms-database",
        "snapshot-id": "fintech-backup-202401150200",
        "cluster-snapshot-id": "manual-backup-20240115-020000",
    }


def queues():
    sqs = client("sqs")
    dead = sqs.create_queue(QueueName="fintech-notifications-dlq")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    main = sqs.create_queue(
        QueueName="fintech-notifications",
        Attributes={
            "VisibilityTimeout": "30",
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": "5"}),
        },
    )["QueueUrl"]
    for url, count in [(main, 25), (dead, 7)]:
        for start in range(0, count, 10):
            entries = [
                {"Id": str(n), "MessageBody": json.dumps({"notification": n})}
                for n in range(start, min(start + 10, count))
            ]
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
    return {"queue-url": main, "main-queue-url": main, "dlq-url": dead}


def certificates():
    acm = client("acm")
    soon = acm.import_certificate(**certificate("api.fintech-banking.example.com", days=12))["CertificateArn"]
    later = acm.import_certificate(**certificate("pms-platform.example.com", days=300))["CertificateArn"]
    return {"cert-arn": soon, "other-cert-arn": later}


def certificate(name, days):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=78))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return {
        "Certificate": signed.public_bytes(serialization.Encoding.PEM),
        "PrivateKey": key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    }


def clusters(net):
    iam = client("iam")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName="bench-eks", AssumeRolePolicyDocument=policy)["Role"]["Arn"]
    eks = client("eks")
    for cluster, nodegroup in [("fintech-banking-cluster", "fintech-workers"), ("pms-dev", "pms-nodes")]:
        eks.create_cluster(name=cluster, roleArn=role, resourcesVpcConfig={"subnetIds": net["subnet-ids"]})
        eks.create_nodegroup(
            clusterName=cluster, nodegroupName=nodegroup, nodeRole=role, subnets=net["subnet-ids"],
            scalingConfig={"minSize": 2, "maxSize": 6, "desiredSize": 3},
        )
    return {"eks-cluster": "fintech-banking-cluster", "nodegroup": "fintech-workers"}


def edge():
    origin = {
        "Id": "site",
        "DomainName": "site.example.com",
        "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"},
    }
    configuration = {
        "CallerReference": "bench",
        "Comment": "The public site",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "site",
            "ViewerProtocolPolicy": "redirect-to-https",
            "MinTTL": 0,
            "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}},
        },
    }
    made = client("cloudfront").create_distribution(DistributionConfig=configuration)
    route53 = client("route53")
    zone = route53.create_hosted_zone(Name="example.com.", CallerReference="bench")["HostedZone"]["Id"].split("/")[-1]
    record = {"Name": "www.example.com.", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "site.example.com"}]}
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    )
    return {
        "distribution-id": made["Distribution"]["Id"],
        "distribution-etag": made["ETag"],
        "zone-id": zone,
        "dns-record": "www.example.com",
    }


def api():
    gateway = client("apigateway")
    rest = gateway.create_rest_api(name="fintech-api")["id"]
    root = gateway.get_resources(restApiId=rest)["items"][0]["id"]
    gateway.put_method(restApiId=rest, resourceId=root, httpMethod="GET", authorizationType="NONE")
    gateway.put_integration(restApiId=rest, resourceId=root, httpMethod="GET", type="MOCK")
    gateway.create_deployment(restApiId=rest, stageName="prod")
    return {"api-id": rest, "api-stage": "prod"}


def storage():
    s3 = client("s3")
    for bucket in ["backups", "fintech-es-backups"]:
        s3.create_bucket(Bucket=bucket)
    dump = gzip.compress(b"CREATE TABLE IF NOT EXISTS restored (id bigint);\nINSERT INTO restored VALUES (1);\n", mtime=0)
    for name in ["backup_1708085000", "backup_1708172400", "LATEST_BACKUP"]:
        s3.put_object(Bucket="backups", Key=f"architect/{name}.sql.gz", Body=dump)
    return {"bucket": "backups", "backup": "backup_1708172400", "LATEST_BACKUP": "LATEST_BACKUP"}


def secret():
    value = json.dumps({"username": "pms_user", "password": "not-a-real-password"})
    arn = client("secretsmanager").create_secret(Name="pms/dev/database", SecretString=value)["ARN"]
    return {"secret-id": "pms/dev/database", "secret-arn": arn}


def observed(cert_arn):
    logs = client("logs")
    group, stream = "/aws/alb/pms-alb", "2024-01-15"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(datetime.datetime.now(datetime.timezone.utc).timestamp() * 1000)
    statuses = [200, 200, 502, 200, 503, 200, 504, 200]
    events = [
        {"timestamp": now - 1000 * (len(statuses) - n), "message": f'GET /api/analytics/{n} "{status}" 0.0{n}'}
        for n, status in enumerate(statuses)
    ]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    client("cloudwatch").put_metric_data(
        Namespace="AWS/CertificateManager",
        MetricData=[
            {
                "MetricName": "DaysToExpiry",
                "Dimensions": [{"Name": "CertificateArn", "Value": cert_arn}],
                "Value": 12,
                "Unit": "Count",
            }
        ],
    )
    return {"log-group": group}


def main():
    values = network()
    values |= load_balancer(values)
    values |= databases(values)
    values |= queues()
    values |= certificates()
    values |= clusters(values)
    values |= edge()
    values |= api()
    values |= storage()
    values |= secret()
    values |= observed(values["cert-arn"])
    json.dump(values, sys.stdout)


main()
