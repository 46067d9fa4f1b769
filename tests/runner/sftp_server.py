"""An SFTP server for tests: ARGS are its folder; it says where it is in one line of JSON, and ends with its stdin."""

import asyncio
import json
import sys

import asyncssh

USER, PASSWORD = "sluice", "s3cret-of-the-tests"


class Server(asyncssh.SSHServer):
    def begin_auth(self, username):
        return True

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return username == USER and password == PASSWORD


async def main(folder):
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    user_key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.create_server(
        Server,
        "127.0.0.1",
        0,
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(user_key.export_public_key().decode()),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder),
    )
    print(
        json.dumps({
            "host": "127.0.0.1",
            "port": server.get_port(),
            "user": USER,
            "password": PASSWORD,
            "private_key": user_key.export_private_key().decode(),
            "host_key": host_key.get_fingerprint(),
            "folder": folder,
        }),
        flush=True,
    )
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main(sys.argv[1]))
