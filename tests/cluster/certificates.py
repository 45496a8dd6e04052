# SPDX-License-Identifier: Apache-2.0
"""The keys and certificates of one control plane."""
import os
import subprocess

DAYS = "2"


def openssl(*argv):
    run = subprocess.run(["openssl", *argv], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.returncode == 0, f"openssl {' '.join(argv)}\n{run.stdout}"


class Authority:
    """A folder with ca.crt and ca.key, and what they signed: NAME.crt and NAME.key."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, mode=0o700)
        self._request("ca", "/CN=steellb-tests", "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def server(self, name, addresses, names=()):
        """A certificate for a server at these addresses and DNS names."""
        alternatives = [f"IP:{a}" for a in addresses] + [f"DNS:{n}" for n in names]
        self._signed(name, f"/CN={name}", "extendedKeyUsage=serverAuth", "subjectAltName=" + ",".join(alternatives))

    def client(self, name, user, group=None):
        """A certificate that logs a user in."""
        self._signed(name, (f"/O={group}" if group else "") + f"/CN={user}", "extendedKeyUsage=clientAuth")

    def key(self, name):
        """A key pair without a certificate: NAME.key and NAME.pub."""
        openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path(name + ".key"))
        openssl("pkey", "-in", self.path(name + ".key"), "-pubout", "-out", self.path(name + ".pub"))

    def _signed(self, name, subject, *extensions):
        self._request(name, subject, "basicConstraints=critical,CA:FALSE", *extensions,
                      signer=("-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key")))

    def _request(self, name, subject, *extensions, signer=()):
        added = [word for e in extensions for word in ("-addext", e)]
        openssl("req", "-x509", "-config", "/dev/null", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc",
                "-days", DAYS, "-subj", subject, *added, *signer, "-keyout", self.path(name + ".key"), "-out",
                self.path(name + ".crt"))
