"""A mail server for one test: aiosmtpd, as the first argument (JSON) says. Prints its port, then each mail, a line each;
ends when its input does."""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

plan = json.loads(sys.argv[1])
wanted = plan.get("account")


def say(what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if answer := plan.get("mail"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if answer := plan.get("rcpt", {}).get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if answer := plan.get("data"):
            return answer
        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.original_content.decode(),
            "encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "account": session.authenticated,
        })
        return "250 2.0.0 queued as 4711"


def authenticate(server, session, envelope, mechanism, data):
    if not isinstance(data, LoginPassword):
        return AuthResult(success=False, handled=False)
    user, password = data.login.decode(), data.password.decode()
    if [user, password] == wanted:
        return AuthResult(success=True)
    # Some servers tell what they were told.
    return AuthResult(success=False, handled=False, message=f"535 5.7.8 no {user} with {password}")


async def main():
    loop = asyncio.get_running_loop()
    mode = plan["encryption"]
    context = None
    if mode != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(plan["certificate"], plan["key"])
    options = {"hostname": "mail.test", "auth_require_tls": mode == "starttls"}
    if mode == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    if wanted:
        options |= {"authenticator": authenticate, "auth_required": True}
    server = await loop.create_server(
        lambda: SMTP(Handler(), **options), "127.0.0.1", 0, ssl=context if mode == "tls" else None)
    say({"port": server.sockets[0].getsockname()[1]})
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
