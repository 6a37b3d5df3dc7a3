"""Names of files that hold secrets or belong to a repository: no tool touches them."""

import re
import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache

_EXAMPLES = {
    *(".env.example", ".env.sample", ".env.template"),
    *("example.env", "sample.env", "template.env"),
}

_FOLDERS = {
    ".git": "the inside of a Git repository",
    ".hg": "the inside of a Mercurial repository",
    ".svn": "the inside of a Subversion checkout",
    ".jj": "the inside of a Jujutsu repository",
    ".ssh": "SSH keys",
    ".aws": "credentials of AWS",
    ".azure": "credentials of Azure",
    ".gcloud": "credentials of Google Cloud",
    ".gnupg": "GnuPG keys",
    ".kube": "credentials of Kubernetes",
    ".docker": "credentials of Docker",
    ".password-store": "passwords",
}

REPOSITORIES = frozenset({".git", ".hg", ".svn", ".jj"})
"""Protected folders that hold very many files."""

_FILES = {
    ".env*": "environment files hold secrets",
    "*.env": "environment files hold secrets",
    "credentials.json": "it holds credentials",
    "credentials.toml": "it holds credentials",
    "credentials.y*ml": "it holds credentials",
    "application_default_credentials.json": "it holds credentials",
    "client_secret*.json": "it holds a secret",
    "secrets.json": "it holds secrets",
    "secrets.toml": "it holds secrets",
    "secrets.y*ml": "it holds secrets",
    "*.tfstate": "the state of Terraform holds secrets",
    "*.tfstate.*": "the state of Terraform holds secrets",
    "*.tfvars": "variables of Terraform hold secrets",
    "kubeconfig": "credentials of Kubernetes",
    "*.kubeconfig": "credentials of Kubernetes",
    "*.ovpn": "it may hold a private key",
    "id_rsa": "a private key",
    "id_dsa": "a private key",
    "id_ecdsa": "a private key",
    "id_ecdsa_sk": "a private key",
    "id_ed25519": "a private key",
    "id_ed25519_sk": "a private key",
    "*.pem": "a key or a certificate",
    "*.key": "a private key",
    "*.p12": "a key store",
    "*.pfx": "a key store",
    "*.jks": "a key store",
    "*.keystore": "a key store",
    "*.ppk": "a private key",
    "*.kdbx": "a password store",
    "*.age-key": "a private key",
    ".npmrc": "it may hold a registry's token",
    ".yarnrc.yml": "it may hold a registry's token",
    ".pypirc": "it may hold a registry's password",
    ".netrc": "it holds passwords",
    "_netrc": "it holds passwords",
    ".git-credentials": "it holds passwords",
    ".gitconfig": "it may hold credentials",
    ".htpasswd": "it holds passwords",
    ".pgpass": "it holds passwords",
    ".my.cnf": "it holds passwords",
    ".dockercfg": "it holds credentials",
    ".dockerconfigjson": "it holds credentials",
    ".vault-token": "it holds a token",
    ".terraformrc": "it may hold a token",
    "credentials.tfrc.json": "it holds a token",
    "service-account*.json": "it holds a private key",
    "service_account*.json": "it holds a private key",
    ".s3cfg": "it holds credentials",
    ".boto": "it holds credentials",
}

_BACKUP = re.compile(r"(?:~|\.(?:bak|backup|old|orig|save|swp|tmp|copy|\d{1,8}))+$")
_SHORT_NAME = re.compile(r"^(git|env|ssh|aws)~\d+$")
"""How Windows abbreviates ``.git`` and similar names to eight characters."""


def rule(relative: str) -> str | None:
    """Return the rule that forbids *relative* (a path from the root, with slashes), or None."""
    for part in relative.split("/"):
        if found := _rule_of(part):
            return found
    return None


@lru_cache(maxsize=8_192)
def _rule_of(part: str) -> str | None:
    name = plain_name(part)
    if name in _EXAMPLES or not name:
        return None
    if reason := _FOLDERS.get(name):
        return f"'{name}/' ({reason})"
    if _SHORT_NAME.match(name):
        return f"'{name}' (the short name of a protected file)"
    # A backup made by an editor or a careful person holds the same.
    for each in (name, _BACKUP.sub("", name)):
        for pattern, reason in _FILES.items():
            if fnmatchcase(each, pattern):
                return f"'{pattern}' ({reason})"
    return None


def protected_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the patterns of protected files, and the names of protected folders."""
    return tuple(_FILES), tuple(_FOLDERS)


def is_example(relative: str) -> bool:
    """Return whether it is an example of an environment file, which may be read."""
    return plain_name(relative.rpartition("/")[2]) in _EXAMPLES


def plain_name(name: str) -> str:
    """Return *name* as a lenient file system compares it: no case, no invisible characters."""
    if name.isascii():
        return name.lower().rstrip(". ")
    kept = "".join(each for each in name if unicodedata.category(each) != "Cf")
    return unicodedata.normalize("NFKC", kept).casefold().rstrip(". ")
