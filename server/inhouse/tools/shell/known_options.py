"""The options of common read-only programs: only those that read, print and end.

An option that is not here may write a file, run a program, read a list of files, follow links
out of the workspace or never end; and an abbreviation is not the option that it abbreviates.
"""

from collections.abc import Mapping, Sequence

from attrs import frozen

ANY = 1_000


@frozen
class Known:
    """Options of one program, or of one subcommand of it."""

    flags: frozenset[str] = frozenset()
    """Options without a value."""
    values: frozenset[str] = frozenset()
    """Options with a value: attached, after ``=``, or as the next word."""
    optional: frozenset[str] = frozenset()
    """Options with an optional value: attached or after ``=``, never the next word."""
    most: int = ANY
    """How many words may be given that are not options."""
    long_by_one_dash: bool = False
    """As in ``find``: ``-name`` is one option, not a cluster."""
    numbers: bool = False
    """Whether ``-20`` is an option."""
    needs: frozenset[str] = frozenset()
    """Without one of these, a word would be made into something: ``git tag NAME`` makes one."""

    def allows(self, words: Sequence[str]) -> bool:
        """Return whether *words*, without the program's own, do only what is known."""
        plain, met, at = 0, set[str](), 0
        while at < len(words):
            word, at = words[at], at + 1
            if word == "--":
                plain += len(words) - at
                break
            if not word.startswith("-") or word == "-":
                plain += 1
                continue
            taken = self._take(word, met)
            if taken is None or at + taken > len(words):
                return False
            at += taken
        return plain <= self.most and (not plain or not self.needs or bool(met & self.needs))

    def _take(self, word: str, met: set[str]) -> int | None:
        """Return how many of the next words belong to an option; None if it is unknown."""
        if self.numbers and word[1:].isdigit():
            return 0
        if word.startswith("--") or self.long_by_one_dash:
            return self._take_long(word, met)
        for at, letter in enumerate(word[1:], 1):
            option = f"-{letter}"
            met.add(option)
            if option in self.values:
                return 0 if word[at + 1 :] else 1
            if option in self.optional:
                return 0
            if option not in self.flags:
                return None
        return 0

    def _take_long(self, word: str, met: set[str]) -> int | None:
        name, equals, _ = word.partition("=")
        met.add(name)
        if name in self.values:
            return 0 if equals else 1
        return 0 if name in self.optional or (name in self.flags and not equals) else None


def known(words: Sequence[str]) -> tuple[Known, int] | None:
    """Return the options of the command that *words* begin, and how many words name it."""
    if not words:
        return None
    if words[0] == "git":
        found = _GIT.get(words[1]) if len(words) > 1 else None
        return None if found is None else (found, 2)
    found = _PROGRAMS.get(words[0])
    return None if found is None else (found, 1)


def _known(
    flags: str = "",
    values: str = "",
    optional: str = "",
    *,
    most: int = ANY,
    needs: str = "",
    find: bool = False,
    numbers: bool = False,
) -> Known:
    sets = (frozenset(each.split()) for each in (flags, values, optional))
    return Known(
        *sets,
        most=most,
        long_by_one_dash=find,
        numbers=numbers,
        needs=frozenset(needs.split()),
    )


_GREP = _known(
    "-E -F -G -P -i -v -w -x -n -c -l -L -o -q -s -h -H -a -b -T -U -I -Z -z -y"
    " --extended-regexp --fixed-strings --basic-regexp --perl-regexp --ignore-case"
    " --no-ignore-case --invert-match --word-regexp --line-regexp --line-number --count"
    " --files-with-matches --files-without-match --only-matching --quiet --silent --no-messages"
    " --no-filename --with-filename --text --byte-offset --null --null-data",
    "-e -m -A -B -C --regexp --max-count --after-context --before-context --context --label",
    "--color --colour",
    numbers=True,
)
_RIPGREP = _known(
    "-i -s -S -w -x -F -v -U -P -l -c -n -N -o -q -H -I -a -p -V --ignore-case --case-sensitive"
    " --smart-case --word-regexp --line-regexp --fixed-strings --invert-match --multiline"
    " --multiline-dotall --pcre2 --files-with-matches --files-without-match --count"
    " --count-matches --line-number --no-line-number --only-matching --quiet --with-filename"
    " --no-filename --text --heading --no-heading --column --no-column --trim --stats --json"
    " --vimgrep --no-config --one-file-system --no-messages --type-list --version --files",
    "-e -m -A -B -C -t -T -M -d -j -r --regexp --max-count --after-context --before-context"
    " --context --type --type-not --max-columns --max-depth --threads --replace --sort --sortr"
    " --color --max-filesize --encoding",
)
_DIFF_OPTIONS = (
    "-p -u --patch -s --no-patch --raw --numstat --shortstat --summary --name-only --name-status"
    " --cached --staged --minimal --patience --histogram --no-color --no-renames --full-index"
    " -a --text -w -b --ignore-all-space --ignore-space-change --ignore-blank-lines"
    " --ignore-space-at-eol --ignore-cr-at-eol -W --function-context --check --exit-code --quiet"
    " --no-prefix -R -z --binary --pickaxe-all --pickaxe-regex --merge-base --compact-summary"
    " --patch-with-stat --no-ext-diff --no-textconv -c --cc"
)
_DIFF_VALUES = "-S -G --diff-filter --diff-algorithm --inter-hunk-context"
_DIFF_OPTIONAL = (
    "-U --unified -M -C --find-renames --find-copies --stat --color --word-diff --dirstat"
    " --color-words --abbrev --color-moved --relative --ws-error-highlight"
)
_OF_COMMITS = (
    " --oneline --graph --merges --no-merges --first-parent"
    " --reverse --follow --no-decorate --date-order --author-date-order --topo-order --full-history"
    " --abbrev-commit --no-abbrev-commit --left-right --cherry-pick --cherry-mark --boundary"
    " --simplify-by-decoration --parents --children -i --regexp-ignore-case -E -F"
    " --extended-regexp --fixed-strings --all-match --invert-grep --no-notes"
    " --relative-date --show-pulls --no-show-signature"
)
_OF_REFS = " --all --branches --tags --remotes --walk-reflogs -g"
"""What every tag and branch leads to may be a file's object, which ``git show`` would show."""
_LOG_OPTIONS = _OF_COMMITS + _OF_REFS
_LOG_VALUES = (
    " -n --max-count --skip --since --after --until --before --author --committer --grep --date"
    " --min-parents --max-parents --encoding"
)
_LOG_OPTIONAL = " --pretty --format --decorate --notes --no-walk"
_LOG = _known(
    _DIFF_OPTIONS + _LOG_OPTIONS,
    _DIFF_VALUES + _LOG_VALUES,
    _DIFF_OPTIONAL + _LOG_OPTIONAL,
    numbers=True,
)

LOG_WITHOUT_FILES = _known(
    "--name-only --name-status --raw --numstat --shortstat --summary -s --no-patch --no-color"
    + _LOG_OPTIONS,
    _LOG_VALUES,
    "--stat --abbrev" + _LOG_OPTIONAL,
    numbers=True,
)
"""With these options alone, ``git log`` shows nothing of what a file contains (or contained)."""
_SHOW = _known(
    _DIFF_OPTIONS + _OF_COMMITS,
    _DIFF_VALUES + _LOG_VALUES,
    _DIFF_OPTIONAL + _LOG_OPTIONAL,
    numbers=True,
)

_GIT: Mapping[str, Known] = {
    "status": _known(
        "-s --short -b --branch --long -z --show-stash --ahead-behind --no-ahead-behind"
        " --no-renames",
        "",
        "-u --untracked-files --porcelain --ignored --column --find-renames",
    ),
    "diff": _known(_DIFF_OPTIONS, _DIFF_VALUES, _DIFF_OPTIONAL),
    "log": _LOG,
    "show": _SHOW,
    "grep": _known(
        "-n -i -I -l -L -c -w -v -h -H -E -F -G -P -p -W -o -q -z -a --line-number --ignore-case"
        " --files-with-matches --name-only --files-without-match --count --word-regexp"
        " --invert-match --extended-regexp --fixed-strings --basic-regexp --perl-regexp --heading"
        " --break --show-function --function-context --only-matching --quiet --cached --text"
        " --full-name --column --and --or --not --all-match --no-color",
        "-e -A -B -C -m --after-context --before-context --context --max-count --max-depth"
        " --threads",
        "--color",
        numbers=True,
    ),
    "blame": _known(
        "-s -e -w -l -t -f -n -p -c -b --show-email --show-name --show-number --porcelain"
        " --line-porcelain --root --first-parent --show-stats",
        "-L --since --date --abbrev",
        "-M -C",
    ),
    "branch": _known(
        "-a -r -v -l --all --remotes --list --verbose --show-current --no-color --ignore-case",
        "--sort --contains --no-contains --merged --no-merged --points-at --format",
        "--color --column --abbrev",
        most=0,
    ),
    "tag": _known(
        "-l --list -i --ignore-case --no-color",
        "--sort --contains --no-contains --merged --no-merged --points-at --format",
        "-n --color --column",
        needs="-l --list",
    ),
    "rev-parse": _known(
        "--show-toplevel --show-prefix --show-cdup --git-dir --absolute-git-dir"
        " --is-inside-work-tree --is-bare-repository --verify --quiet -q --abbrev-ref --symbolic"
        " --symbolic-full-name"
        " --is-shallow-repository",
        "",
        "--short --abbrev-ref",
    ),
    "ls-files": _known(
        "-c -d -m -o -i -s -u -k -t -v -z --cached --deleted --modified --others --ignored --stage"
        " --unmerged --killed --directory --no-empty-directory --exclude-standard --full-name --eol"
        " --deduplicate --error-unmatch",
        "-x --exclude",
        "--abbrev",
    ),
    "ls-tree": _known(
        "-d -r -t -l -z --long --name-only --name-status --object-only --full-name --full-tree",
        "--format",
        "--abbrev",
    ),
    "shortlog": _known(
        "-n -s -e --numbered --summary --email --no-merges --all --merges",
        "--group --since --until --author",
        "",
    ),
    "describe": _known(
        "--all --tags --contains --always --long --exact-match --first-parent",
        "--match --exclude --candidates",
        "--abbrev",
    ),
    "merge-base": _known("-a --all --octopus --is-ancestor --independent --fork-point"),
    "version": _known("--build-options", most=0),
}

_SUMS = _known("-b -t -z --binary --text --tag --zero")
_PROGRAMS: Mapping[str, Known] = {
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "rg": _RIPGREP,
    "ls": _known(
        "-a -A -b -B -c -C -d -f -F -g -G -h -i -k -l -m -n -N -o -p -q -Q -r -R -s -S -t -u"
        " -U -v -x -X -Z -1 --all --almost-all --author --escape --directory --full-time"
        " --group-directories-first --no-group --human-readable --si --inode --numeric-uid-gid"
        " --literal --recursive --reverse --size --kibibytes --file-type --quote-name",
        "-w -T -I --ignore --hide --block-size --format --time-style --width",
        "--color --classify --sort --time --hyperlink --indicator-style --quoting-style",
    ),
    "cat": _known(
        "-A -b -e -E -n -s -t -T -u -v --show-all --number-nonblank --show-ends --number"
        " --squeeze-blank --show-tabs --show-nonprinting"
    ),
    "tac": _known("-b -r --before --regex", "-s --separator"),
    "nl": _known("-p --no-renumber", "-b -d -f -h -i -l -n -s -v -w"),
    "head": _known(
        "-q -v -z --quiet --silent --verbose --zero-terminated",
        "-n -c --lines --bytes",
        numbers=True,
    ),
    "tail": _known(
        "-q -v -z -r --quiet --silent --verbose --zero-terminated",
        "-n -c --lines --bytes",
        numbers=True,
    ),
    "wc": _known("-c -l -m -w -L --bytes --chars --lines --words --max-line-length", "--total"),
    "sort": _known(
        "-b -d -f -g -h -i -M -n -R -r -s -u -V -z -c -C -m --ignore-leading-blanks"
        " --dictionary-order --ignore-case --general-numeric-sort --human-numeric-sort"
        " --month-sort --numeric-sort --reverse --stable --unique --version-sort --check --merge"
        " --zero-terminated --debug",
        "-k -t --key --field-separator --sort",
    ),
    # A second file would be written.
    "uniq": _known(
        "-c -d -D -i -u -z --count --repeated --ignore-case --unique --zero-terminated",
        "-f -s -w --skip-fields --skip-chars --check-chars",
        "--group --all-repeated",
        most=1,
    ),
    "cut": _known(
        "-n -s -z --complement --only-delimited --zero-terminated",
        "-b -c -d -f --bytes --characters --delimiter --fields --output-delimiter",
    ),
    "comm": _known(
        "-1 -2 -3 -i -z --check-order --nocheck-order --total --zero-terminated",
        "--output-delimiter",
        most=2,
    ),
    "cmp": _known("-b -l -s --print-bytes --verbose --quiet --silent", "-i -n", most=4),
    "diff": _known(
        "-q -s -c -u -e -n -y -a -b -B -d -E -i -N -p -t -T -w -Z --brief --report-identical-files"
        " --normal --side-by-side --text --ignore-space-change --ignore-blank-lines --minimal"
        " --ignore-case --new-file --show-c-function --expand-tabs --ignore-all-space"
        " --ignore-trailing-space --strip-trailing-cr --suppress-common-lines",
        "-U -C -W --width --label --ignore-matching-lines -I --show-function-line",
        "--unified --context --color",
        most=2,
    ),
    "find": _known(
        "-H -P -print -print0 -ls -empty -depth -d -mount -xdev -not -a -and -o -or -prune -true"
        " -false -daystart -noleaf -readable -writable -executable -quit",
        "-name -iname -path -ipath -wholename -iwholename -regex -iregex -regextype -type"
        " -maxdepth -mindepth -size -mtime -mmin -atime -amin -ctime -cmin -newer -perm -user"
        " -group -links -inum -printf",
        find=True,
    ),
    "tree": _known(
        "-a -d -f -i -q -N -Q -p -u -g -s -h -D -F -A -S -n -C -J -X -x --noreport --dirsfirst"
        " --gitignore --prune --si --du --inodes --device",
        "-L -P -I --filelimit --charset --timefmt --sort",
    ),
    "du": _known(
        "-0 -a -b -c -h -H -k -l -m -P -S -s -x --all --bytes --total --human-readable --si"
        " --summarize --separate-dirs --one-file-system --apparent-size --count-links --inodes",
        "-d -B -t --max-depth --block-size --threshold --exclude",
        "--time --time-style",
    ),
    "stat": _known("-f -t --file-system --terse", "-c --format --printf"),
    "file": _known(
        "-b -h -i -k -n -N -r -0 --brief --mime --mime-type --mime-encoding --keep-going"
        " --no-dereference --no-pad --raw --print0",
        "-F -e --separator --exclude",
    ),
    "md5sum": _SUMS,
    "sha1sum": _SUMS,
    "sha256sum": _SUMS,
    "sha512sum": _SUMS,
    "cksum": _known(),
    "realpath": _known("-e -m -P -q -s -z"),
    "readlink": _known("-f -e -m -n -q -s -v -z"),
    "basename": _known("-a -z --multiple --zero", "-s --suffix"),
    "dirname": _known("-z --zero"),
    "echo": _known("-n -e -E"),
    "printf": _known(),
    "pwd": _known("-L -P", most=0),
    "true": _known(most=0),
    "false": _known(most=0),
    "whoami": _known(most=0),
    "id": _known("-u -g -G -n -r -z", most=0),
    "uname": _known("-a -s -n -r -v -m -p -i -o", most=0),
    "nproc": _known("--all", most=0),
    "which": _known("-a"),
}
