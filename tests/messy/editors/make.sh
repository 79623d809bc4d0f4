# Years of editors: VS Code with two profiles, a Codium without lists, PyCharm, vim, neovim, Emacs. Beside what
# was chosen lies what they write unasked.
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_AUTHOR_DATE='2024-03-01T12:00:00Z'
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org GIT_COMMITTER_DATE='2024-03-01T12:00:00Z'
person=ada home=/home/ada
as() { runuser -u "$person" -- env HOME="$home" LC_ALL=C.UTF-8 "$@"; }
put() { as mkdir -p "$(dirname "$1")" && as tee "$1" > /dev/null; }
# A clone that is as if it were fetched: path, address
cloned() {
    as git -c init.defaultBranch=main init --quiet "$1"
    printf 'plugin\n' | put "$1/plugin/it.vim"
    as git -C "$1" add plugin
    as git -C "$1" commit --quiet -m plugin
    as git -C "$1" remote add origin "$2"
    as git -C "$1" update-ref refs/remotes/origin/main HEAD
}

# VS Code
code=$home/.config/Code extensions=$home/.vscode/extensions
put "$extensions/extensions.json" << 'END'
[{"identifier":{"id":"ms-python.python","uuid":"f1f59ae4-9318-4f3c-a9b5-81b2eaa5f8a5"},"version":"2024.2.1",
"location":{"$mid":1,"path":"/home/ada/.vscode/extensions/ms-python.python-2024.2.1-linux-x64","scheme":"file"},
"relativeLocation":"ms-python.python-2024.2.1-linux-x64","metadata":{"installedTimestamp":1709290000000,
"pinned":false,"source":"gallery","isPreReleaseVersion":false,"hasPreReleaseVersion":false}},
{"identifier":{"id":"GitHub.copilot"},"version":"1.245.0","relativeLocation":"github.copilot-1.245.0",
"metadata":{"pinned":true,"source":"gallery","preRelease":true}},
{"identifier":{"id":"ada.inhouse"},"version":"0.1.0","relativeLocation":"ada.inhouse-0.1.0",
"metadata":{"source":"vsix"}},
{"identifier":{"id":"alefragnani.project-manager"},"version":"12.8.0",
"relativeLocation":"alefragnani.project-manager-12.8.0","metadata":{"source":"gallery"}},
{"identifier":{"id":"odd.ü \"{{ 7*7 }}\"\n$(id)"},"version":"1.0.0","relativeLocation":"odd-1.0.0"}]
END
for each in ms-python.python-2024.2.1-linux-x64 ms-python.python-2024.1.0-linux-x64 github.copilot-1.245.0 \
    ada.inhouse-0.1.0 alefragnani.project-manager-12.8.0 odd-1.0.0; do
    printf '{"name": "x", "version": "1"}' | put "$extensions/$each/package.json"
done
printf '{"ms-python.python-2024.1.0-linux-x64":true}' | put "$extensions/.obsolete"
printf '// hand-written\n{"enable-crash-reporter": false}\n' | put "$home/.vscode/argv.json"
put "$code/User/settings.json" << 'END'
{
    "editor.fontSize": 15,
    // for the bot
    "github.token": "hunter2hunter2"
}
END
printf '[{"key": "f13", "command": "editor.action.dictation.start"}]\n' | put "$code/User/keybindings.json"
printf '{"version": "2.0.0", "tasks": []}\n' | put "$code/User/tasks.json"
printf '{"main": {"prefix": "main", "body": ["{{ 7*7 }} $(id)"]}}\n' | put "$code/User/snippets/python.json"
printf '{}\n' | put "$code/User/snippets/$(printf 'a "ü\n\377').code-snippets"
printf '[{"name": "Kamera", "rootPath": "$home/src/cam", "tags": [], "enabled": true}]\n' |
    put "$code/User/globalStorage/alefragnani.project-manager/projects.json"
put "$code/User/globalStorage/storage.json" << 'END'
{"userDataProfiles":[{"location":"-5e2b0cd5","name":"Writing","icon":"book"},
{"location":"3f1e7a2b","name":"{{ 7*7 }} $(id)","useDefaultFlags":{"extensions":true,"keybindings":false}}],
"windowsState":{"lastActiveWindow":{"uiState":{"mode":1,"x":10,"y":20}}},"telemetry.machineId":"hunter2"}
END
printf '[{"identifier":{"id":"valentjn.vscode-ltex"},"version":"13.1.0","relativeLocation":"valentjn.vscode-ltex-13.1.0"}]' |
    put "$code/User/profiles/-5e2b0cd5/extensions.json"
printf '{"editor.wordWrap": "on"}\n' | put "$code/User/profiles/-5e2b0cd5/settings.json"
printf '[]\n' | put "$code/User/profiles/3f1e7a2b/keybindings.json"
printf '{"version": 1}' | put "$extensions/valentjn.vscode-ltex-13.1.0/package.json"
# Unasked
for each in User/globalStorage/state.vscdb User/globalStorage/state.vscdb.backup CachedData/abc/x.code \
    User/workspaceStorage/0123/workspace.json User/workspaceStorage/0123/state.vscdb Cache/Cache_Data/data_0 \
    logs/20240301/main.log 'Local Storage/leveldb/000003.log' User/History/-1a/entries.json machineid Cookies \
    User/profiles/-5e2b0cd5/globalStorage/state.vscdb; do
    printf 'hunter2' | put "$code/$each"
done
# Others made of it: one that keeps no list, one with a key in its settings
person=bob home=/srv/people/bob
for each in rust-lang.rust-analyzer-0.3.1868-linux-x64 redhat.vscode-yaml-1.14.0 redhat.vscode-yaml-1.13.0; do
    printf '{}' | put "$home/.vscode-oss/extensions/$each/package.json"
done
printf '{"redhat.vscode-yaml-1.13.0":true}' | put "$home/.vscode-oss/extensions/.obsolete"
printf '{"workbench.colorTheme": "Solarized Light"}\n' | put "$home/.config/VSCodium/User/settings.json"
printf '{"mcpServers": {"forge": {"env": {"API_KEY": "hunter2hunter2"}}}}\n' | put "$home/.cursor/mcp.json"
person=ada home=/home/ada

# PyCharm, of which an older release lies about
jar() { as python3 -c 'import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as jar:
    jar.writestr(zipfile.ZipInfo("META-INF/plugin.xml"), sys.stdin.buffer.read())' "$1"; }
data=$home/.local/share/JetBrains/PyCharm2024.1 config=$home/.config/JetBrains/PyCharm2024.1
as mkdir -p "$data/IdeaVIM/lib" "$data/nameless/lib" "$data/ssl" "$home/.local/share/JetBrains/PyCharm2023.3/Gone/lib"
printf '<idea-plugin>\n <!-- <id>no</id> -->\n <name>IdeaVim</name>\n <id>IdeaVIM</id>\n <version>2.10.0</version>\n</idea-plugin>' |
    jar "$data/IdeaVIM/lib/ideavim.jar"
printf '<idea-plugin><name>Ünï "{{ 7*7 }}"</name></idea-plugin>' | jar "$data/one.jar"
printf 'no archive' | put "$data/nameless/lib/x.jar"
printf '<idea-plugin><id>gone</id></idea-plugin>' | jar "$home/.local/share/JetBrains/PyCharm2023.3/Gone/lib/gone.jar"
printf '<application><component name="EditorSettings"/></application>\n' | put "$config/options/editor.xml"
printf '<keymap version="1" name="Ada" parent="$default"/>\n' | put "$config/keymaps/Ada.xml"
printf '<fileTransfer host="example.org" password="hunter2hunter2"/>\n' | put "$config/options/webServers.xml"
printf 'com.intellij.space\n' | put "$config/disabled_plugins.txt"
printf -- '-Xmx4096m\n' | put "$config/pycharm64.vmoptions"
for each in recentProjects.xml window.state.xml other.xml updates.xml usage.statistics.xml trusted-paths.xml; do
    printf '<application>hunter2</application>\n' | put "$config/options/$each"
done
printf 'hunter2' | put "$config/c.pwd"
printf 'hunter2' | put "$config/workspace/2a.xml"
printf '<keymap/>\n' | put "$home/.config/JetBrains/PyCharm2023.3/keymaps/Old.xml"
printf 'hunter2' | put "$home/.cache/JetBrains/PyCharm2024.1/caches/x"

# vim: plugins by vim-plug, one by hand, one that is nowhere else
printf "call plug#begin()\nPlug 'tpope/vim-surround'\ncall plug#end()\n" | put "$home/.vimrc"
printf '" plug\n' | put "$home/.vim/autoload/plug.vim"
printf 'setlocal spell\n' | put "$home/.vim/ftplugin/$(printf '\377\n').vim"
printf 'Rekindle\n' | put "$home/.vim/spell/de.utf-8.add"
printf 'compiled' | put "$home/.vim/spell/de.utf-8.add.spl"
cloned "$home/.vim/plugged/vim-surround" https://git.example.org/tpope/vim-surround.git
cloned "$home/.vim/pack/mine/start/vim-tally" https://git.example.org/ada/vim-tally.git
cloned "$home/.vim/pack/mine/start/vim-near" /srv/git/vim-near.git
for each in .viminfo .vim/.netrwhist .vim/undo/%home%ada%x .vim/swap/x.swp .vim/.vimrc.swp .vim/view/x= \
    .vim/ftplugin/old.vim~; do
    printf 'hunter2' | put "$home/$each"
done

# neovim: lazy.nvim from its lock file, and one package by hand
printf 'require("lazy").setup("plugins")\n' | put "$home/.config/nvim/init.lua"
printf '{"tokyonight.nvim": {"branch": "main", "commit": "abcdef0"}}\n' | put "$home/.config/nvim/lazy-lock.json"
printf 'return {{ 7*7 }}\n' | put "$home/.config/nvim/lua/plugins/theme.lua"
cloned "$home/.local/share/nvim/lazy/tokyonight.nvim" https://git.example.org/folke/tokyonight.nvim.git
cloned "$home/.local/share/nvim/site/pack/mine/opt/nvim-tally" https://git.example.org/ada/nvim-tally.git
for each in .local/share/nvim/mason/bin/x .local/state/nvim/shada/main.shada .cache/nvim/luac/x; do
    printf 'hunter2' | put "$home/$each"
done

# Smaller ones
printf 'set tabsize 4\n' | put "$home/.nanorc"
printf 'theme = "onedark"\n' | put "$home/.config/helix/config.toml"
printf 'grammar' | put "$home/.config/helix/runtime/grammars/c.so"
as ln -s /home/ada/.nanorc "$home/.joerc"

# Bob's vim finds plugins by pathogen, which has no list of them
person=bob home=/srv/people/bob
printf 'execute pathogen#infect()\n' | put "$home/.vimrc"
printf '" pathogen\n' | put "$home/.vim/autoload/pathogen.vim"
cloned "$home/.vim/bundle/vim-sensible" https://git.example.org/tpope/vim-sensible.git
printf '" unpacked\n' | put "$home/.vim/bundle/align/plugin/align.vim"

# Emacs
printf '(setq inhibit-startup-screen t)\n' | put "$home/.emacs.d/init.el"
printf '(custom-set-variables)\n' | put "$home/.emacs.d/lisp/own.el"
printf 'snippet $(id)\n' | put "$home/.emacs.d/snippets/text-mode/sig"
printf '(setq smtpmail-auth-password "x")\n(setq api-key "hunter2hunter2")\n' | put "$home/.emacs.d/mail.el"
cloned "$home/.emacs.d/straight/repos/magit" https://git.example.org/magit/magit.git
for each in elpa/archives/x elpa/magit-3.3.0/magit.el eln-cache/29/x.eln lisp/own.elc auto-save-list/.saves-1 \
    recentf places history 'lisp/#own.el#' backups/x projects lisp/own.el~; do
    printf 'hunter2' | put "$home/.emacs.d/$each"
done
