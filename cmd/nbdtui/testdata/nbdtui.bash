# bash completion of nbdtui, made by: nbdtui completion bash
_nbdtui() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} key= words= i
	if [[ $cur == = ]]; then
		cur= key=$prev
	elif [[ $prev == = ]]; then
		key=${COMP_WORDS[COMP_CWORD-2]} prev=$key
	fi
	COMPREPLY=()
	case ${key:-$prev} in
	--filter) mapfile -t COMPREPLY < <(compgen -W "delay error exitlast exitwhen ip limit log pause rate readonly retry retry-request tar" -- "$cur"); return ;;
	--run) return ;;
	--unix|-U) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--port|-p) return ;;
	--ipaddr|--ip-addr|-i) return ;;
	--exportname|--export|--export-name|-e) return ;;
	--threads|-t) return ;;
	--max-connections) return ;;
	--max-memory) return ;;
	--timeout) return ;;
	--mask-handshake) return ;;
	--tls) mapfile -t COMPREPLY < <(compgen -W "off on require" -- "$cur"); return ;;
	--tls-certificates) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--tls-psk) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--ui) mapfile -t COMPREPLY < <(compgen -W "auto tui plain quiet" -- "$cur"); return ;;
	--child-output) mapfile -t COMPREPLY < <(compgen -W "skip wait" -- "$cur"); return ;;
	--theme) mapfile -t COMPREPLY < <(compgen -W "terminal okabe paper mono" -- "$cur"); return ;;
	--record) return ;;
	--hold) mapfile -t COMPREPLY < <(compgen -W "never error always" -- "$cur"); return ;;
	--grace) return ;;
	--pid-file|--pidfile|-P) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--user|-u) mapfile -t COMPREPLY < <(compgen -A user -- "$cur"); return ;;
	--group|-g) mapfile -t COMPREPLY < <(compgen -A group -- "$cur"); return ;;
	--selinux-label) return ;;
	--log) mapfile -t COMPREPLY < <(compgen -W "stderr syslog null" -- "$cur"); return ;;
	--debug|-D) return ;;
	esac
	if [[ $key ]]; then
		case $key in
		file|dir|directory|script|delay-trigger|error-file|error-pread-file|error-pwrite-file|error-trim-file|error-zero-file|error-extents-file|error-cache-file|exit-when-file-created|exit-when-file-deleted|logfile|pause-control|rate-file|connection-rate-file|readonly-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
		esac
		return
	fi
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "--filter --run --unix --port --ipaddr --ipv4-only --ipv6-only --vsock --single --exportname --print-uri --readonly --threads --max-connections --max-memory --timeout --mask-handshake --no-sr --newstyle --oldstyle --no-splice --tls --tls-certificates --tls-psk --tls-verify-peer --ui --child-output --theme --ascii --inline --record --hold --allow-faults --grace --foreground --background --exit-with-parent --pid-file --user --group --selinux-label --swap --log --verbose --debug --dump-config --dump-plugin --long-options --short-options --version --help" -- "$cur")
		return
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		eval) words+=" after_fork= block_size= cache= can_cache= can_extents= can_fast_zero= can_flush= can_fua= can_multi_conn= can_trim= can_write= can_zero= close= config= config_complete= default_export= dump_plugin= export_description= extents= flush= get_ready= get_size= is_rotational= list_exports= open= pread= preconnect= pwrite= thread_model= trim= unload= zero= missing=" ;;
		example1) words+=" " ;;
		file) words+=" file= dir= directory= fd= dirfd= fadvise= cache= rdelay= wdelay=" ;;
		memory) words+=" size= allocator=" ;;
		null) words+=" size=" ;;
		sh) words+=" script=" ;;
		delay) words+=" rdelay= delay-read= delay-reads= delay-write= delay-writes= wdelay= delay-zero= delay-zeroes= delay-trim= delay-trims= delay-discard= delay-discards= delay-extent= delay-extents= delay-cache= delay-open= delay-close= delay-fast-zero= delay-trigger=" ;;
		error) words+=" error= error-rate= error-file= error-pread= error-pread-rate= error-pread-file= error-pwrite= error-pwrite-rate= error-pwrite-file= error-trim= error-trim-rate= error-trim-file= error-zero= error-zero-rate= error-zero-file= error-extents= error-extents-rate= error-extents-file= error-cache= error-cache-rate= error-cache-file=" ;;
		exitlast) words+=" exitlast-grace=" ;;
		exitwhen) words+=" exit-when-file-created= exit-when-file-deleted= exit-when-pipe-closed= exit-when-fd-closed= exit-when-process-exits= exit-when-pid-exits= exit-when-script= exit-when-poll=" ;;
		ip) words+=" allow= deny=" ;;
		limit) words+=" limit=" ;;
		log) words+=" logfile= logappend= logscript=" ;;
		pause) words+=" pause-control=" ;;
		rate) words+=" rate= connection-rate= rate-file= connection-rate-file= burstiness=" ;;
		readonly) words+=" readonly-file=" ;;
		retry) words+=" retries= retry-delay= retry-exponential= retry-readonly=" ;;
		retry-request) words+=" retry-request-retries= retry-request-delay= retry-request-open=" ;;
		tar) words+=" tar-entry= tar-limit= tar=" ;;
		completion) words+=" bash zsh fish" ;;
		esac
	done
	if [[ ! $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "eval example1 file memory null sh copy replay tls-init completion man" -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	if [[ ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace
	elif [[ ! ${COMPREPLY[0]} ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _nbdtui nbdtui
