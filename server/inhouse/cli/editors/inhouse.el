;;; inhouse.el --- Run AI agents on models you choose -*- lexical-binding: t -*-

;; Version: 0.2
;; Package-Requires: ((emacs "29.1"))
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; (require 'inhouse) is all; then M-x inhouse-run in a file of your project.
;; Inhouse has a connection of its own: Eglot, lsp-mode and their servers are left alone.
;; `inhouse-command-map' holds the commands: (keymap-global-set "C-c i" inhouse-command-map).

;;; Code:

(require 'cl-lib)
(require 'diff-mode)
(require 'flymake)
(require 'jsonrpc)
(require 'seq)
(require 'subr-x)
(require 'url-util)

(defgroup inhouse nil "AI agents on models you choose." :group 'tools)

(defcustom inhouse-command '("inhouse" "lsp")
  "The command that starts the language server." :type '(repeat string))

(defcustom inhouse-settings nil
  "The section `inhouse' as a property list, e.g. (:privacy \"local-only\")." :type 'plist)

(defcustom inhouse-trusted nil
  "Whether you trust every workspace you open.  If nil, Emacs asks." :type 'boolean)

(defface inhouse-old '((t :inherit diff-removed)) "Lines that a proposed change replaces.")
(defface inhouse-new '((t :inherit diff-added)) "Lines that a proposed change adds.")

(defclass inhouse-connection (jsonrpc-process-connection)
  ((root :initarg :root :accessor inhouse--root)
   (answered :initform nil :accessor inhouse--answered :documentation "Whether it initialized.")
   (edits :initform nil :accessor inhouse--edits :documentation "What waits for a review.")
   (working :initform nil :accessor inhouse--working :documentation "Progress token to text.")
   (problems :initform (make-hash-table :test #'equal) :reader inhouse--problems)
   (closing :initform nil :accessor inhouse--closing)
   (units :initform "utf-16" :accessor inhouse--units))
  :documentation "The server of one project.")

(defvar inhouse--connections (make-hash-table :test #'equal) "Root folder to connection.")
(defconst inhouse--help-files
  (concat "/\\.agents/.*\\.\\([cm]?[jt]sx?\\|json\\|md\\|ya?ml\\)\\'"
          "\\|/inhouse\\.toml\\'")
  "The files that Inhouse itself helps with.")

(defvar inhouse--crashes nil "When servers crashed: the fifth in three minutes stays down.")
(defvar inhouse--serial 0)
(defvar inhouse--buffers (make-hash-table :test #'equal) "Stream token to transcript buffer.")
(defvar inhouse--sessions (make-hash-table :test #'equal) "Session id to transcript buffer.")
(defvar inhouse--last-session nil "The conversation that was spoken to last.")
(defvar-local inhouse--session nil "The conversation that this buffer shows.")
(defvar-local inhouse--server nil "The connection that this buffer belongs to.")
(defvar-local inhouse--running nil "Whether the run of this transcript goes on.")
(defvar-local inhouse--version nil "The version of this file that the server knows; nil: none.")
(defvar-local inhouse--dirty nil "Whether this file has changed since then.")

;; The connection.

(defun inhouse--uri (path)
  "Give PATH as a URI."
  (concat "file://" (url-hexify-string (file-truename path) url-path-allowed-chars)))

(defun inhouse--path (uri)
  "Give the path of a file's URI."
  (url-unhex-string (string-remove-prefix "file://" uri) t))

(defun inhouse--decoded (uri)
  "Give the path of URI as text."
  (decode-coding-string (inhouse--path uri) 'utf-8))

(defun inhouse--find-root ()
  "Give the project's folder: that which holds .agents, inhouse.toml or .git."
  (file-truename
   (or (locate-dominating-file
        default-directory
        (lambda (folder)
          (seq-some (lambda (name) (file-exists-p (expand-file-name name folder)))
                    '(".agents" "inhouse.toml" ".git"))))
       default-directory)))

(defun inhouse--current ()
  "Give this buffer's connection, if it is open."
  (let ((server (or inhouse--server
                    (gethash (inhouse--find-root) inhouse--connections))))
    (and server (jsonrpc-running-p server) server)))

(defun inhouse--connect ()
  "Give this buffer's connection; open it first where there is none."
  (or (inhouse--current)
      (let ((root (if inhouse--server (inhouse--root inhouse--server) (inhouse--find-root))))
        (or (let ((server (gethash root inhouse--connections)))
              (and server (jsonrpc-running-p server) server))
            (inhouse--open root)))))

(defun inhouse--open (root)
  "Start the server of ROOT."
  (unless (executable-find (car inhouse-command))
    (user-error "There is no program %s: install Inhouse or set `inhouse-command'"
                (car inhouse-command)))
  (let* ((default-directory root)
         (server
          (make-instance
           'inhouse-connection :name "inhouse" :root root
           :process (lambda ()
                      (make-process :name "inhouse" :command inhouse-command :noquery t
                                    :connection-type 'pipe :coding 'utf-8-emacs-unix
                                    :stderr (get-buffer-create "*inhouse log*")))
           :notification-dispatcher #'inhouse--notified
           :request-dispatcher #'inhouse--asked
           :on-shutdown #'inhouse--ended))
         (uri (inhouse--uri (directory-file-name root)))
         (result
          (jsonrpc-request
           server :initialize
           `(:processId ,(emacs-pid) :rootUri ,uri
             :clientInfo (:name "Emacs" :version ,emacs-version)
             :workspaceFolders [(:uri ,uri :name ,(file-name-nondirectory (directory-file-name root)))]
             :capabilities
             (:general (:positionEncodings ["utf-32" "utf-16"])
              :window (:workDoneProgress t :showDocument (:support t)
                       :showMessage (:messageActionItem (:additionalPropertiesSupport :json-false)))
              :workspace (:applyEdit t :configuration t :workspaceFolders t
                          :workspaceEdit (:documentChanges t) :executeCommand (:dynamicRegistration :json-false))
              :textDocument (:synchronization (:didSave t)
                             :completion (:completionItem (:snippetSupport :json-false))
                             :hover (:contentFormat ["plaintext" "markdown"])
                             :publishDiagnostics (:versionSupport t)
                             :codeAction (:codeActionLiteralSupport
                                          (:codeActionKind (:valueSet ["quickfix" "refactor" "source"])))))
             :initializationOptions
             (:draws ["freeText" "lists"]
              ,@(when inhouse-settings (list :inhouse inhouse-settings))
              ,@(when inhouse-trusted (list :trusted t))))
           :timeout 60)))
    (setf (inhouse--answered server) t
          (inhouse--units server)
          (or (plist-get (plist-get result :capabilities) :positionEncoding) "utf-16"))
    (jsonrpc-notify server :initialized (make-hash-table))
    (puthash root server inhouse--connections)
    (dolist (buffer (buffer-list)) (with-current-buffer buffer (inhouse--follow server)))
    (inhouse--refresh server)
    server))

(defun inhouse--follow (server)
  "Let SERVER see this buffer's text from now on, if it is a file of its project."
  (when (and buffer-file-name (not (file-remote-p buffer-file-name))
             (or (string-prefix-p (inhouse--root server) (file-truename buffer-file-name))
                 (inhouse--document-of buffer-file-name)))
    (setq inhouse--server server inhouse--version 0 inhouse--dirty nil)
    (jsonrpc-notify server :textDocument/didOpen
                    (list :textDocument
                          (list :uri (inhouse--uri buffer-file-name) :version 0
                                :languageId (string-remove-suffix "-mode" (symbol-name major-mode))
                                :text (inhouse--text))))
    (add-hook 'after-change-functions #'inhouse--changed nil t)
    (add-hook 'after-save-hook #'inhouse--saved nil t)
    (add-hook 'kill-buffer-hook #'inhouse--unfollow nil t)))

(defun inhouse--document-of (path)
  "Give the session whose document PATH is."
  (and path (string-match "/sessions/\\(s-[0-9a-f]+\\)\\.md\\'" path) (match-string 1 path)))

(defun inhouse--text ()
  "Give the whole text of this buffer."
  (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max))))

(defun inhouse--changed (&rest _) "Note that the text is not what the server knows." (setq inhouse--dirty t))

(defun inhouse--saved ()
  "Tell that this file was saved."
  (when-let* ((server (inhouse--current)))
    (inhouse--sync server)
    (jsonrpc-notify server :textDocument/didSave
                    (list :textDocument (list :uri (inhouse--uri buffer-file-name))))))

(defun inhouse--unfollow ()
  "Tell that this file is closed."
  (when-let* ((server (and inhouse--version (inhouse--current))))
    (jsonrpc-notify server :textDocument/didClose
                    (list :textDocument (list :uri (inhouse--uri buffer-file-name))))))

(defun inhouse--sync (server)
  "Send SERVER every text that has changed.
What is not saved is what an agent reads."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and inhouse--dirty inhouse--version (eq inhouse--server server) buffer-file-name)
        (setq inhouse--dirty nil inhouse--version (1+ inhouse--version))
        (jsonrpc-notify server :textDocument/didChange
                        (list :textDocument (list :uri (inhouse--uri buffer-file-name)
                                                  :version inhouse--version)
                              :contentChanges (vector (list :text (inhouse--text)))))))))

(defun inhouse--opened ()
  "Follow a file that was opened, if its project has a connection."
  (when-let* ((server (and buffer-file-name (inhouse--current)))) (inhouse--follow server))
  (when (and buffer-file-name (string-match-p inhouse--help-files buffer-file-name))
    (inhouse-help-mode)))

(defun inhouse--idle ()
  "Send what was typed while nothing else goes on."
  (maphash (lambda (_ server) (when (jsonrpc-running-p server) (inhouse--sync server)))
           inhouse--connections))

(defun inhouse--ended (server)
  "Say in the buffers of runs that SERVER has ended; start it again after a crash."
  (let ((root (inhouse--root server)))
    (when (eq server (gethash root inhouse--connections)) (remhash root inhouse--connections))
    (setf (inhouse--edits server) nil (inhouse--working server) nil)
    (dolist (buffer (buffer-list))
      (with-current-buffer buffer
        (when (eq inhouse--server server)
          (remove-overlays (point-min) (point-max) 'inhouse t)
          (setq inhouse--version nil)
          (when inhouse--running
            (setq inhouse--running nil)
            (inhouse--insert "\n\n**The server stopped.  The text so far is above.**\n")))))
    (unless (inhouse--closing server)
      (setq inhouse--crashes
            (cons (float-time)
                  (seq-filter (lambda (when) (< (- (float-time) when) 180)) inhouse--crashes)))
      (cond
       ((not (inhouse--answered server))
        (message "Inhouse exited right after starting: see *inhouse log*.  M-x inhouse-run tries again"))
       ((length> inhouse--crashes 4)
        (message "Inhouse crashed 5 times in 3 minutes and stays stopped: see *inhouse log*.  M-x inhouse-run starts it again"))
       (t
        (message "Inhouse crashed and restarts")
        ;; Bind nothing that belongs to a buffer here: what `inhouse--follow' sets would be undone.
        (run-at-time 1 nil (lambda ()
                             (unless (gethash root inhouse--connections) (inhouse--open root)))))))))

(defun inhouse-stop ()
  "Stop the server of this project."
  (interactive)
  (when-let* ((server (inhouse--current)))
    (setf (inhouse--closing server) t)
    (ignore-errors (jsonrpc-request server :shutdown nil :timeout 5))
    (ignore-errors (jsonrpc-notify server :exit nil))
    (jsonrpc-shutdown server)))

(defun inhouse--command (name argument)
  "Execute the command NAME with ARGUMENT and give its result."
  (let ((server (inhouse--connect)))
    (inhouse--sync server)
    (condition-case err
        (jsonrpc-request server :workspace/executeCommand
                         (list :command name :arguments (vector argument)) :timeout 60)
      (jsonrpc-error
       (user-error "%s" (or (alist-get 'jsonrpc-error-message (cddr err)) (cadr err)))))))

;; What the server says and asks.

(defun inhouse--notified (server method params)
  "Take the notification METHOD of SERVER with PARAMS."
  (pcase method
    ('$/progress (inhouse--progress server (plist-get params :token) (plist-get params :value)))
    ('window/showMessage (message "%s" (plist-get params :message)))
    ('textDocument/publishDiagnostics
     (puthash (inhouse--decoded (plist-get params :uri)) (plist-get params :diagnostics)
              (inhouse--problems server))
     (when-let* ((buffer (find-buffer-visiting (inhouse--decoded (plist-get params :uri)))))
       (with-current-buffer buffer
         (when (bound-and-true-p inhouse-help-mode) (flymake-start)))))
    ('inhouse/changed
     (when (seq-contains-p (plist-get params :lists) "edits") (inhouse--refresh server)))))

(defun inhouse--asked (server method params)
  "Answer the request METHOD of SERVER with PARAMS."
  (pcase method
    ('window/showMessageRequest
     (inhouse--choose (plist-get params :message) (plist-get params :actions)))
    ('window/showDocument (inhouse--show-document server params))
    ('workspace/applyEdit (inhouse--apply-edit server (plist-get params :edit)))
    ('workspace/configuration
     (vconcat (mapcar (lambda (_) (or inhouse-settings (make-hash-table)))
                      (plist-get params :items))))
    ((or 'window/workDoneProgress/create 'client/registerCapability 'client/unregisterCapability) nil)
    (_ (jsonrpc-error :code -32601 :message (format "Emacs does not know %s" method)))))

(defun inhouse--progress (server token value)
  "Show the progress VALUE of TOKEN: events of a run, or what SERVER is doing."
  (let ((events (plist-get value :events))
        (buffer (gethash (string-remove-suffix "-work" (format "%s" token)) inhouse--buffers)))
    (if events
        (mapc (lambda (event) (inhouse--show buffer event)) events)
      (inhouse--head buffer value)
      (let ((known (assoc token (inhouse--working server))) (text (plist-get value :message)))
        (pcase (plist-get value :kind)
          ("begin" (push (cons token (plist-get value :title)) (inhouse--working server)))
          ("report" (when (and known text) (setcdr known text)))
          ("end" (setf (inhouse--working server)
                       (assoc-delete-all token (inhouse--working server))))))
      (force-mode-line-update t))))

(defun inhouse--head (buffer value)
  "Say above BUFFER what its run is doing, as the progress VALUE tells."
  (when (and buffer (buffer-live-p buffer) (plist-get value :kind))
    (with-current-buffer buffer
      (setq header-line-format
            (and (equal (plist-get value :kind) "report")
                 (string-replace "%" "%%" (or (plist-get value :message) "")))))))

(defun inhouse--insert (text)
  "Add TEXT at the end of this transcript; a window at the end follows."
  (let* ((inhibit-read-only t) (end (point-max))
         (following (seq-filter (lambda (window) (= (window-point window) end))
                                (get-buffer-window-list nil nil t))))
    (save-excursion (goto-char end) (insert text))
    (set-buffer-modified-p nil)
    (dolist (window following) (set-window-point window (point-max)))))

(defun inhouse--size (diff)
  "Say how many lines the unified DIFF adds and removes."
  (let ((lines (split-string diff "\n")))
    (cl-flet ((count (sign head) (seq-count (lambda (line) (and (string-prefix-p sign line)
                                                                (not (string-prefix-p head line))))
                                            lines)))
      (format "+%d −%d" (count "+" "+++ ") (count "-" "--- ")))))

(defun inhouse--spent (result)
  "Say how the run of RESULT ended, where its model is, and what it took."
  (let* ((route (plist-get result :route)) (used (plist-get result :usage))
         (cost (plist-get used :costUsd)))
    (format "%s · %s on %s (%s) · %.1f s, %d tokens in, %d out%s"
            (plist-get result :status) (plist-get route :model) (plist-get route :endpoint)
            (if (eq t (plist-get route :local)) "local" "remote")
            (/ (plist-get result :durationMs) 1000.0)
            (plist-get used :inputTokens) (plist-get used :outputTokens)
            (if (and (numberp cost) (> cost 0)) (format ", $%.4f" cost) ""))))

(defun inhouse--show (buffer event)
  "Show EVENT of a run in BUFFER."
  (when (and buffer (buffer-live-p buffer) (not (plist-get event :parent)))
    (with-current-buffer buffer
      (pcase (plist-get event :kind)
        ("text" (inhouse--insert (plist-get event :delta)))
        ("tool_call" (inhouse--insert
                      (format "\n- %s\n" (or (plist-get event :title) (plist-get event :tool)))))
        ("tool_result" (when (eq :json-false (plist-get event :ok))
                         (inhouse--insert (format "  ✗ %s\n" (plist-get event :summary)))))
        ("edit" (inhouse--insert
                 (format "\n- %s: %s (%s)\n" (plist-get event :state)
                         (file-name-nondirectory (inhouse--decoded (plist-get event :uri)))
                         (inhouse--size (plist-get event :diff)))))
        ("notice" (inhouse--insert (format "\n\n> %s\n" (plist-get event :message))))
        ((and "question" (guard (seq-empty-p (plist-get event :choices))))
         (run-at-time 0 nil #'inhouse--ask inhouse--server event))
        ("finish"
         (setq inhouse--running nil)
         (let* ((result (plist-get event :result)) (err (plist-get result :error)))
           (when err (inhouse--insert (format "\n\n**%s**" (plist-get err :message))))
           (inhouse--insert (format "\n\n*%s*\n" (inhouse--spent result)))))))))

(defun inhouse--ask (server event)
  "Ask the question of EVENT, which any text answers, for SERVER."
  (let ((text (condition-case nil
                  (progn (inhouse--wait-for-quiet)
                         (read-string (concat (plist-get event :text) " ")))
                (quit nil))))
    (jsonrpc-async-request
     server :workspace/executeCommand
     (list :command "inhouse.answer"
           :arguments (vector (append (list :questionId (plist-get event :questionId))
                                      (if text (list :text text) (list :choices []))))))))

(defconst inhouse--quiet 0.8 "Seconds without a key that make what follows an answer.")

(defun inhouse--wait-for-quiet ()
  "Throw away what is typed until for a moment nothing is.
It was meant for something else."
  (when (or (input-pending-p) (not (sit-for inhouse--quiet)))
    (ding)
    (message "An agent has a question; stop typing to see it")
    (discard-input)
    (while (not (sit-for inhouse--quiet)) (discard-input))))

(defun inhouse--choose (message actions)
  "Ask MESSAGE with ACTIONS.
Nothing is chosen beforehand, and quitting is no answer."
  (let* ((titles (mapcar (lambda (one) (plist-get one :title)) actions))
         (long (> (length (split-string message "\n")) 3))
         (buffer (and long (inhouse--display-question message)))
         (prompt (format "%s (%s) " (if long "The question is shown above: " message)
                         (string-join titles "/"))))
    (unwind-protect
        (let ((title (condition-case nil
                         (progn (inhouse--wait-for-quiet)
                                (completing-read prompt titles nil t))
                       (quit nil))))
          (and (member title titles) (list :title title)))
      (when buffer (quit-windows-on buffer t)))))

(defun inhouse--display-question (message)
  "Show MESSAGE whole in a buffer of its own, which is given.
The minibuffer has few lines."
  (let ((buffer (get-buffer-create "*inhouse question*")))
    (with-current-buffer buffer
      (let ((inhibit-read-only t)) (erase-buffer) (insert message) (goto-char (point-min)))
      (if (string-match-p "^@@ " message) (diff-mode) (special-mode))
      (setq buffer-read-only t)
      (visual-line-mode))
    (display-buffer buffer)
    buffer))

(defun inhouse--show-document (server params)
  "Show the document that PARAMS name; SERVER follows that of a session."
  (let ((uri (plist-get params :uri)) (range (plist-get params :selection)))
    (if (not (string-prefix-p "file://" uri))
        '(:success :json-false)
      (run-at-time
       0 nil
       (lambda ()
         (let ((buffer (find-file-noselect (inhouse--decoded uri))))
           (with-current-buffer buffer
             (when (and (inhouse--document-of buffer-file-name) (not inhouse--version))
               (when (eq major-mode 'fundamental-mode) (text-mode))
               (visual-line-mode)
               (goto-char (point-max))
               (inhouse--follow server))
             (unless (or inhouse--version (buffer-modified-p) (verify-visited-file-modtime)) (revert-buffer t t))
             (when range (goto-char (inhouse--position (plist-get range :start)))))
           (if (eq t (plist-get params :takeFocus)) (pop-to-buffer buffer) (display-buffer buffer)))))
      '(:success t))))

;; Positions and edits.

(defun inhouse--position (position)
  "Give the place of an LSP POSITION in this buffer."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (if (> (forward-line (plist-get position :line)) 0)
          (point-max)
        (let ((left (plist-get position :character)) (end (line-end-position)))
          (while (and (> left 0) (< (point) end))
            (setq left (- left (inhouse--width (char-after))))
            (forward-char))
          (point))))))

(defun inhouse--width (char)
  "Give how many units CHAR takes in the positions of this buffer's connection."
  (if (and (> char #xffff) inhouse--server (equal (inhouse--units inhouse--server) "utf-16")) 2 1))

(defun inhouse--lsp-position (place)
  "Give PLACE of this buffer as an LSP position."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char place)
      (list :line (1- (line-number-at-pos nil t))
            :character (seq-reduce (lambda (sum char) (+ sum (inhouse--width char)))
                                   (buffer-substring-no-properties (line-beginning-position) place)
                                   0)))))

(defun inhouse--apply-edit (server edit)
  "Apply the workspace EDIT of SERVER, all of it or nothing."
  (inhouse--sync server)
  (let ((documents (append (plist-get edit :documentChanges) nil)) (problem nil))
    (cl-loop for (uri edits) on (plist-get edit :changes) by #'cddr
             do (push (list :textDocument (list :uri (substring (symbol-name uri) 1)) :edits edits)
                      documents))
    (dolist (each documents)
      (let* ((document (plist-get each :textDocument)) (version (plist-get document :version))
             (buffer (and document (find-file-noselect (inhouse--decoded (plist-get document :uri))))))
        (cond ((null document) (setq problem "Emacs does not create or delete files"))
              ((and version (not (eql version (buffer-local-value 'inhouse--version buffer))))
               (setq problem "The text has changed in the meantime")))))
    (if problem
        (list :applied :json-false :failureReason problem)
      (dolist (each documents)
        (with-current-buffer
            (find-file-noselect (inhouse--decoded (plist-get (plist-get each :textDocument) :uri)))
          (let ((at-end (and (inhouse--document-of buffer-file-name)
                             (save-excursion (skip-chars-forward " \n") (eobp)))))
            (inhouse--apply-text-edits (plist-get each :edits))
            (when at-end
              (goto-char (point-max))
              (dolist (window (get-buffer-window-list nil nil t))
                (set-window-point window (point-max)))))))
      (inhouse--sync server)
      '(:applied t))))

(defun inhouse--apply-text-edits (edits)
  "Apply EDITS to this buffer as one step of undo, the last place first."
  (undo-boundary)
  (let ((places (mapcar (lambda (edit)
                          (let ((range (plist-get edit :range)))
                            (list (inhouse--position (plist-get range :start))
                                  (inhouse--position (plist-get range :end))
                                  (string-replace "\r\n" "\n" (plist-get edit :newText)))))
                        edits)))
    (save-excursion
      (save-restriction
        (widen)
        (atomic-change-group
          (dolist (place (sort places (lambda (one other) (> (car one) (car other)))))
            (goto-char (car place))
            (delete-region (car place) (cadr place))
            (insert (caddr place)))))))
  (undo-boundary))

;; Running agents.

(defun inhouse--read-agent ()
  "Ask for an agent; what each is for and where it would run is beside it."
  (let* ((agents (append (inhouse--command "inhouse.agents" (make-hash-table)) nil))
         (usable (seq-filter (lambda (one) (and (eq t (plist-get one :usable))
                                                (not (plist-get one :shadowedBy))))
                             agents))
         (known (mapcar (lambda (one) (cons (plist-get one :id) one)) usable))
         (completion-extra-properties
          (list :annotation-function
                (lambda (id)
                  (let* ((one (cdr (assoc id known))) (route (plist-get one :route))
                         (place (if route
                                    (format "%s, %s" (plist-get route :endpoint)
                                            (if (eq t (plist-get route :local)) "local" "remote"))
                                  "no endpoint"))
                         (room (- (frame-width) (length id) (length place) 8)))
                    (format "  %s  (%s)" (truncate-string-to-width
                                          (plist-get one :description) (max room 20) nil nil "…")
                            place))))))
    (completing-read "Agent: " known nil t)))

(defun inhouse--start (argument)
  "Start a run with ARGUMENT, that of the command inhouse.run, and show it."
  (let* ((server (inhouse--connect))
         (token (format "inhouse-emacs-%d" (cl-incf inhouse--serial)))
         (session (plist-get argument :session))
         (name (format "*inhouse %s %d*" (or (plist-get argument :agent) session) inhouse--serial))
         (folder default-directory)
         (known (gethash session inhouse--sessions))
         (known (and (buffer-live-p known) known))
         (buffer (or known (get-buffer-create name))))
    (puthash token buffer inhouse--buffers)
    (with-current-buffer buffer
      (unless known
        (when (fboundp 'markdown-mode) (markdown-mode))
        (visual-line-mode))
      (when known
        (inhouse--insert (format "\n\n## You\n\n%s\n\n" (plist-get argument :prompt))))
      (setq inhouse--server server inhouse--running t default-directory folder))
    (condition-case err
        (let* ((result (inhouse--command "inhouse.run"
                                         (append (list :streamToken token
                                                       :workDoneToken (concat token "-work"))
                                                 argument)))
               (began (plist-get result :session)))
          (puthash began buffer inhouse--sessions)
          (setq inhouse--last-session began)
          (with-current-buffer buffer (setq inhouse--session began))
          (when (plist-get result :steered) (remhash token inhouse--buffers))
          (inhouse--display buffer)
          result)
      (error
       (remhash token inhouse--buffers)
       (if known (with-current-buffer buffer (inhouse--insert "\n*not sent*\n"))
         (kill-buffer buffer))
       (signal (car err) (cdr err))))))

(defun inhouse--display (buffer)
  "Show BUFFER in a window that hides no run that goes on, without going there."
  (display-buffer
   buffer
   `((display-buffer-reuse-window
      ,(lambda (_ alist)
         (when-let* ((window (seq-find (lambda (one)
                                         (with-current-buffer (window-buffer one)
                                           (and (derived-mode-p 'text-mode 'fundamental-mode)
                                                inhouse--session (not inhouse--running))))
                                       (window-list nil 'no-minibuffer))))
           (window--display-buffer buffer window 'reuse alist)))
      ,(lambda (_ alist)
         (when-let* ((busy (seq-find (lambda (one)
                                       (buffer-local-value 'inhouse--running (window-buffer one)))
                                     (window-list nil 'no-minibuffer)))
                     (window (ignore-errors (split-window busy nil 'right))))
           (window--display-buffer buffer window 'window alist)))
      display-buffer-below-selected display-buffer-pop-up-window)
     (inhibit-same-window . t))))

(defun inhouse--range ()
  "Give the region as an LSP range."
  (list :start (inhouse--lsp-position (region-beginning))
        :end (inhouse--lsp-position (region-end))))

;;;###autoload
(defun inhouse-run (agent prompt)
  "Run AGENT with PROMPT on the region, or on this file.
From a buffer that is no file of the project the region itself goes with the prompt."
  (interactive (list (inhouse--read-agent) (read-string "Prompt: ")))
  (inhouse--connect)
  (let ((argument (list :agent agent :prompt prompt)))
    (cond ((and inhouse--version buffer-file-name)
           (setq argument (plist-put argument :uri (inhouse--uri buffer-file-name)))
           (when (use-region-p) (setq argument (plist-put argument :range (inhouse--range)))))
          ((use-region-p)
           (plist-put argument :prompt
                      (format "%s\n\n%s" prompt
                              (buffer-substring-no-properties (region-beginning) (region-end))))))
    (inhouse--start argument)))

(defun inhouse-reply (prompt)
  "Send PROMPT to the conversation of this buffer, else to the one spoken to last.
While its agent works, it gets the prompt before its next step."
  (interactive (list (read-string "Reply: ")))
  (inhouse--connect)
  (let ((session (or inhouse--session (inhouse--document-of buffer-file-name)
                     inhouse--last-session
                     (plist-get (seq-first (append (inhouse--command "inhouse.sessions" '(:limit 1))
                                                   nil))
                                :id))))
    (if (null session)
        (message "There is no conversation yet; M-x inhouse-run starts one")
      (inhouse--start
       (append (list :session session :prompt prompt)
               (when (and inhouse--version buffer-file-name (use-region-p)
                          (not (inhouse--document-of buffer-file-name)))
                 (list :uri (inhouse--uri buffer-file-name) :range (inhouse--range))))))))

(defun inhouse-sessions ()
  "Pick a conversation and open its document.
What is written under its last heading is the next prompt: `inhouse-actions' sends it."
  (interactive)
  (let* ((number 0)
         (found (append (inhouse--command "inhouse.sessions" '(:limit 50)) nil))
         (shown (mapcar (lambda (one)
                          (cons (format "%2d. %s  (%s, %d turns, %s)" (cl-incf number)
                                        (plist-get one :title) (plist-get one :agent)
                                        (plist-get one :turns) (plist-get one :status))
                                (plist-get one :id)))
                        found)))
    (if (null found)
        (message "There is no conversation yet; M-x inhouse-run starts one")
      (let ((session (cdr (assoc (completing-read "Session: " shown nil t) shown))))
        (setq inhouse--last-session session)
        (inhouse--command "inhouse.session.open" (list :session session))))))

(defun inhouse-actions ()
  "Choose what Inhouse offers here.
Run the agent that a comment names, ask about this line, and more."
  (interactive)
  (let* ((server (inhouse--connect)) (here (inhouse--lsp-position (point)))
         (range (if (use-region-p) (inhouse--range) (list :start here :end here))))
    (inhouse--sync server)
    (let* ((found (append (jsonrpc-request
                           server :textDocument/codeAction
                           (list :textDocument (list :uri (inhouse--uri buffer-file-name))
                                 :range range :context (list :diagnostics [])))
                          nil))
           (known (mapcar (lambda (one) (cons (plist-get one :title) one)) found)))
      (if (null known)
          (message "Inhouse has no actions here")
        (let* ((one (cdr (assoc (completing-read "Action: " known nil t) known)))
               (command (if (stringp (plist-get one :command)) one (plist-get one :command)))
               (argument (and command (ignore-errors (aref (plist-get command :arguments) 0)))))
          (when (plist-get one :edit) (inhouse--apply-edit server (plist-get one :edit)))
          (cond ((null command))
                ((equal (plist-get command :command) "inhouse.run") (inhouse--start argument))
                (t (inhouse--command (plist-get command :command)
                                     (or argument (make-hash-table))))))))))

(defun inhouse--time (moment)
  "Give MOMENT (ISO 8601) as a time of this place."
  (condition-case nil
      (format-time-string "%d %b %H:%M" (date-to-time moment))
    (error "")))

(defun inhouse--pick-run (prompt runs)
  "Let the user pick one of RUNS, the newest first; PROMPT asks.  None hides another."
  (let* ((number 0)
         (shown (mapcar (lambda (one)
                          (cons (format "%2d. %s  %s  %s  %s" (cl-incf number)
                                        (inhouse--time (plist-get one :startedAt))
                                        (plist-get one :agent) (plist-get one :status)
                                        (truncate-string-to-width
                                         (string-replace "\n" " " (plist-get one :prompt)) 60 nil nil t))
                                one))
                        runs))
         (table (lambda (text predicate action)
                  (if (eq action 'metadata)
                      '(metadata (display-sort-function . identity) (cycle-sort-function . identity))
                    (complete-with-action action shown text predicate)))))
    (cdr (assoc (completing-read prompt table nil t) shown))))

(defun inhouse-cancel ()
  "Cancel the run; if several run, pick one."
  (interactive)
  (let* ((runs (append (inhouse--command "inhouse.runs" '(:limit 50)) nil))
         (running (seq-filter (lambda (one) (equal (plist-get one :status) "running")) runs))
         (one (if (cdr running) (inhouse--pick-run "Cancel: " running) (car running))))
    (if (null one)
        (message "Nothing is running")
      (inhouse--command "inhouse.cancel" (list :runId (plist-get one :runId)))
      (message "Cancelled %s" (plist-get one :agent)))))

(defun inhouse-runs ()
  "Open the transcript of a run, also of one before the server was started again."
  (interactive)
  (let ((runs (append (inhouse--command "inhouse.runs" '(:limit 50 :earlier t)) nil)))
    (if (null runs)
        (message "There is no run yet")
      (inhouse--command "inhouse.transcript"
                        (list :runId (plist-get (inhouse--pick-run "Run: " runs) :runId))))))

;; Review.

(defun inhouse--refresh (server)
  "Ask SERVER what waits for a review, and show it."
  (jsonrpc-async-request
   server :workspace/executeCommand
   (list :command "inhouse.edits" :arguments (vector (make-hash-table)))
   :success-fn (lambda (found)
                 (let ((before (length (inhouse--edits server))))
                   (setf (inhouse--edits server) (append found nil))
                   (dolist (buffer (buffer-list))
                     (with-current-buffer buffer
                       (when (and (eq inhouse--server server) inhouse--version)
                         (inhouse--draw server))))
                   (when (> (length found) before)
                     (message "%s.  M-x inhouse-next-change goes there" (inhouse--waits server)))
                   (force-mode-line-update t)))
   :error-fn #'ignore))

(defun inhouse--waits (server)
  "Say what waits: \"2 changes wait in paths.py\"."
  (mapconcat (lambda (group)
               (format "%d change%s in %s" (length (cdr group)) (if (cddr group) "s wait" " waits")
                       (file-name-nondirectory (inhouse--decoded (car group)))))
             (seq-group-by (lambda (one) (plist-get one :uri)) (inhouse--edits server)) ", "))

(defun inhouse--own-edits (server)
  "Give what waits in this buffer."
  (let ((uri (and buffer-file-name (inhouse--uri buffer-file-name))))
    (seq-filter (lambda (one) (equal (inhouse--decoded (plist-get one :uri))
                                     (and uri (inhouse--decoded uri))))
                (inhouse--edits server))))

(defun inhouse--draw (server)
  "Show each change that waits in this buffer, as SERVER knows it.
The old lines are marked; the new ones stand below them."
  (remove-overlays (point-min) (point-max) 'inhouse t)
  (dolist (edit (inhouse--own-edits server))
    (when-let* ((range (plist-get edit :range)))
      (let* ((start (inhouse--position (plist-get range :start)))
             (end (inhouse--position (plist-get range :end)))
             (overlay (make-overlay start end))
             (new (plist-get edit :new)))
        (overlay-put overlay 'inhouse t)
        (overlay-put overlay 'inhouse-id (plist-get edit :id))
        (overlay-put overlay 'face 'inhouse-old)
        (overlay-put overlay 'help-echo (format "Proposed by %s" (plist-get edit :agent)))
        (unless (string-empty-p new)
          (overlay-put overlay 'after-string
                       (propertize (if (string-suffix-p "\n" new) new (concat new "\n"))
                                   'face 'inhouse-new)))))))

(defun inhouse--edit-here ()
  "Give the change at point; else the only one of this buffer."
  (let* ((server (inhouse--connect)) (own (inhouse--own-edits server))
         (line (1- (line-number-at-pos nil t))))
    (or (seq-find (lambda (one)
                    (when-let* ((range (plist-get one :range)))
                      (let ((first (plist-get (plist-get range :start) :line))
                            (last (plist-get (plist-get range :end) :line)))
                        (and (>= line first) (<= line (max first (1- last)))))))
                  own)
        (and (null (cdr own)) (car own))
        (user-error "No change is waiting here; M-x inhouse-next-change goes to one"))))

(defun inhouse--decide (command all)
  "Execute COMMAND for the change here, or with ALL for those of this file."
  (let* ((server (inhouse--connect)) (edit (inhouse--edit-here))
         (result (inhouse--command command
                                   (if all (list :uri (plist-get edit :uri))
                                     (list :hunk (plist-get edit :id))))))
    (mapc (lambda (problem) (message "%s" problem)) (plist-get result :problems))
    (inhouse--refresh server)))

(defun inhouse-apply (&optional all)
  "Apply the change at point; with a prefix argument ALL of this file."
  (interactive "P")
  (inhouse--decide "inhouse.edits.apply" all))

(defun inhouse-reject (&optional all)
  "Reject the change at point; with a prefix argument ALL of this file."
  (interactive "P")
  (inhouse--decide "inhouse.edits.reject" all))

(defun inhouse-diff ()
  "Show all changes that wait in this file as a diff."
  (interactive)
  (inhouse--command "inhouse.edits.show" (list :uri (plist-get (inhouse--edit-here) :uri))))

(defun inhouse-next-change (&optional backwards)
  "Go to the next change that waits, in any file; BACKWARDS to the one before."
  (interactive)
  (let* ((server (inhouse--connect))
         (places (sort (mapcar (lambda (one)
                                 (cons (inhouse--decoded (plist-get one :uri))
                                       (let ((range (plist-get one :range)))
                                         (if range (plist-get (plist-get range :start) :line) 0))))
                               (append (inhouse--command "inhouse.edits" (make-hash-table)) nil))
                       #'inhouse--before))
         (here (cons (or (and buffer-file-name (file-truename buffer-file-name)) "")
                     (1- (line-number-at-pos nil t))))
         (target (if backwards
                     (or (seq-find (lambda (one) (inhouse--before one here)) (reverse places))
                         (car (last places)))
                   (or (seq-find (lambda (one) (inhouse--before here one)) places) (car places)))))
    (if (null target)
        (message "No change is waiting")
      (find-file (car target))
      (goto-char (point-min))
      (forward-line (cdr target))
      (inhouse--draw server))))

(defun inhouse-previous-change ()
  "Go to the change that waits before this one."
  (interactive)
  (inhouse-next-change t))

(defun inhouse--before (one other)
  "Whether the place ONE (a path and a line) stands before OTHER."
  (if (equal (car one) (car other)) (< (cdr one) (cdr other)) (string< (car one) (car other))))

;; Help with definitions and settings.

(define-derived-mode inhouse-definition-mode js-mode "Agent"
  "For definitions of agents (.agents/*.ts) where Emacs has no mode for TypeScript.")

(defun inhouse--definition-mode ()
  "Choose the best mode there is for a definition in TypeScript."
  (cond ((and (fboundp 'typescript-ts-mode) (fboundp 'treesit-ready-p)
              (treesit-ready-p 'typescript t))
         (typescript-ts-mode))
        ((fboundp 'typescript-mode) (typescript-mode))
        (t (inhouse-definition-mode))))

(define-minor-mode inhouse-help-mode
  "Complete fields, explain them and report problems, as Inhouse knows them."
  :lighter nil
  (when inhouse-help-mode
    (unless inhouse--version (inhouse--connect))
    (add-hook 'completion-at-point-functions #'inhouse--complete nil t)
    (add-hook 'eldoc-documentation-functions #'inhouse--eldoc nil t)
    (add-hook 'flymake-diagnostic-functions #'inhouse--flymake nil t)
    (eldoc-mode 1)
    (flymake-mode 1)))

(defun inhouse--at-point ()
  "Give this place as LSP's parameters."
  (list :textDocument (list :uri (inhouse--uri buffer-file-name))
        :position (inhouse--lsp-position (point))))

(defun inhouse--complete ()
  "Complete the name at point."
  (when-let* ((server (inhouse--current)))
    (inhouse--sync server)
    (let* ((bounds (or (bounds-of-thing-at-point 'symbol) (cons (point) (point))))
           (found (jsonrpc-request server :textDocument/completion (inhouse--at-point)))
           (items (append (if (vectorp found) found (plist-get found :items)) nil)))
      (list (car bounds) (cdr bounds)
            (mapcar (lambda (one) (or (plist-get (plist-get one :textEdit) :newText)
                                      (plist-get one :insertText) (plist-get one :label)))
                    items)
            :exclusive 'no))))

(defun inhouse--eldoc (give &rest _)
  "GIVE what is known of the name at point."
  (when-let* ((server (inhouse--current)))
    (inhouse--sync server)
    (jsonrpc-async-request
     server :textDocument/hover (inhouse--at-point)
     :success-fn (lambda (found)
                   (let ((contents (plist-get found :contents)))
                     (when contents
                       (funcall give (if (stringp contents) contents (plist-get contents :value))))))
     :error-fn #'ignore)
    t))

(defun inhouse--flymake (report &rest _)
  "REPORT what is wrong in this buffer."
  (when-let* ((server (inhouse--current)))
    (funcall report
             (mapcar (lambda (one)
                       (let ((range (plist-get one :range)))
                         (flymake-make-diagnostic
                          (current-buffer)
                          (inhouse--position (plist-get range :start))
                          (inhouse--position (plist-get range :end))
                          (pcase (plist-get one :severity) (1 :error) (2 :warning) (_ :note))
                          (plist-get one :message))))
                     (gethash (file-truename buffer-file-name) (inhouse--problems server))))))

;; Putting it in place.

(defun inhouse--mode-line ()
  "Say what runs and what waits."
  (if-let* ((server (inhouse--current)))
      (let ((parts (append (mapcar #'cdr (inhouse--working server))
                           (and (inhouse--edits server) (list (inhouse--waits server))))))
        (if parts (concat " [" (string-replace "%" "%%" (string-join parts " | ")) "]") ""))
    ""))

(defvar-keymap inhouse-command-map
  :doc "The commands of Inhouse."
  "r" #'inhouse-run "y" #'inhouse-reply "s" #'inhouse-sessions "c" #'inhouse-cancel "t" #'inhouse-runs "x" #'inhouse-actions
  "n" #'inhouse-next-change "p" #'inhouse-previous-change
  "a" #'inhouse-apply "k" #'inhouse-reject "d" #'inhouse-diff)
(fset 'inhouse-command-map inhouse-command-map)

;;;###autoload
(defun inhouse-setup ()
  "Follow files, show what runs in the mode line, and help with definitions."
  (add-hook 'find-file-hook #'inhouse--opened)
  (run-with-idle-timer 0.5 t #'inhouse--idle)
  (add-to-list 'auto-mode-alist '("/\\.agents/.*\\.[cm]?tsx?\\'" . inhouse--definition-mode))
  (add-to-list 'mode-line-misc-info '(:eval (inhouse--mode-line)) t))

(inhouse-setup)
(provide 'inhouse)
;;; inhouse.el ends here
