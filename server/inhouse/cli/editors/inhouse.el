;;; inhouse.el --- Run AI agents through eglot -*- lexical-binding: t -*-

;; Version: 0.1
;; Package-Requires: ((emacs "29.1"))
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; (require 'inhouse) and (inhouse-setup); then M-x eglot in a file of the project,
;; M-x inhouse-run, M-x inhouse-cancel and M-x inhouse-runs.

;;; Code:

(require 'eglot)
(require 'jsonrpc)

(defgroup inhouse nil "AI agents on models you choose." :group 'tools)

(defcustom inhouse-command '("inhouse" "lsp")
  "How the language server is started." :type '(repeat string))

(defcustom inhouse-modes '(prog-mode text-mode)
  "Modes whose files Inhouse serves." :type '(repeat symbol))

(defcustom inhouse-settings nil
  "The section `inhouse' as a property list, e.g. (:privacy \"local-only\")." :type 'plist)

(defcustom inhouse-trusted nil
  "Whether you trust every workspace you open; nil: you are asked." :type 'boolean)

(defvar inhouse--serial 0)
(defvar inhouse--buffers (make-hash-table :test #'equal) "Stream token to transcript buffer.")
(defvar-local inhouse--server-of-run nil "The server of this buffer's run, until it has ended.")

(defclass inhouse-server (eglot-lsp-server) () :documentation "The Inhouse server.")

(cl-defmethod eglot-initialization-options ((_server inhouse-server))
  "Hand over the settings."
  `(:draws ["freeText"]
    ,@(when inhouse-settings (list :inhouse inhouse-settings))
    ,@(when inhouse-trusted (list :trusted t))))

(cl-defmethod eglot-handle-notification :around
  ((_server inhouse-server) (_method (eql $/progress)) &rest params)
  "Take the events of our own runs; leave the rest to eglot."
  (let* ((token (plist-get params :token))
         (value (plist-get params :value))
         (events (plist-get value :events))
         (buffer (gethash token inhouse--buffers)))
    (inhouse--head (gethash (string-remove-suffix "-work" (format "%s" token)) inhouse--buffers)
                   value)
    (if (and buffer events)
        (mapc (lambda (event) (inhouse--show buffer event)) events)
      (cl-call-next-method))))

(defun inhouse--head (buffer value)
  "Say above BUFFER what its run is doing, as the progress VALUE tells."
  (when (and buffer (buffer-live-p buffer) (plist-get value :kind))
    (with-current-buffer buffer
      (setq header-line-format
            (and (equal (plist-get value :kind) "report")
                 (string-replace "%" "%%" (or (plist-get value :message) "")))))))

(defun inhouse--show (buffer event)
  "Show EVENT of a run in BUFFER."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (let* ((inhibit-read-only t) (end (point-max))
             (following (seq-filter (lambda (window) (= (window-point window) end))
                                    (get-buffer-window-list buffer nil t))))
        (save-excursion
          (goto-char (point-max))
          (pcase (plist-get event :kind)
            ((guard (plist-get event :parent)) nil)
            ("text" (insert (plist-get event :delta)))
            ("tool_call" (insert (format "\n`%s` …\n" (plist-get event :tool))))
            ("notice" (insert (format "\n\n> %s\n" (plist-get event :message))))
            ((and "question" (guard (seq-empty-p (plist-get event :choices))))
             (run-at-time 0 nil #'inhouse--ask inhouse--server-of-run event))
            ("finish"
             (setq inhouse--server-of-run nil)
             (let* ((result (plist-get event :result)) (err (plist-get result :error)))
               (when err (insert (format "\n\n**%s**" (plist-get err :message))))
               (insert (format "\n\n*%s*\n" (plist-get result :status)))))))
        (dolist (window following)
          (set-window-point window (point-max)))))))

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
  "Throw away what is typed until for a moment nothing is: it was meant for something else."
  (when (or (input-pending-p) (not (sit-for inhouse--quiet)))
    (ding)
    (message "An agent asks; what is typed now answers nothing")
    (discard-input)
    (while (not (sit-for inhouse--quiet)) (discard-input))))

(cl-defmethod eglot-handle-request
  ((_server inhouse-server) (_method (eql window/showMessageRequest)) &key message actions
   &allow-other-keys)
  "Ask MESSAGE with ACTIONS; nothing is chosen beforehand, and quitting is no answer."
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
          (if (member title titles) (list :title title) :null))
      (when buffer (quit-windows-on buffer t)))))

(defun inhouse--display-question (message)
  "Show MESSAGE whole in a buffer of its own, which is given: the minibuffer has few lines."
  (let ((buffer (get-buffer-create "*inhouse question*")))
    (with-current-buffer buffer
      (let ((inhibit-read-only t)) (erase-buffer) (insert message) (goto-char (point-min)))
      (special-mode)
      (visual-line-mode))
    (display-buffer buffer)
    buffer))

(defun inhouse--tell-of-the-end ()
  "Say in the buffers of runs that their server has ended."
  (dolist (buffer (hash-table-values inhouse--buffers))
    (when (buffer-live-p buffer)
      (with-current-buffer buffer
        (when (and inhouse--server-of-run (not (jsonrpc-running-p inhouse--server-of-run)))
          (setq inhouse--server-of-run nil)
          (save-excursion
            (goto-char (point-max))
            (insert "\n\n**The server stopped; this is what was said.**\n")))))))

(defun inhouse--server ()
  "Give this buffer's server, or say how to start it."
  (let ((server (eglot-current-server)))
    (unless (and server (object-of-class-p server 'inhouse-server))
      (user-error "Inhouse is not running here; M-x eglot starts it"))
    server))

(defun inhouse--command (name argument)
  "Execute the command NAME with ARGUMENT and give its result."
  (let ((server (inhouse--server)))
    (when (eglot-managed-p)
      (eglot--signal-textDocument/didChange)) ; What is not saved is what an agent reads.
    (condition-case err
        (jsonrpc-request server :workspace/executeCommand
                         (list :command name :arguments (vector argument)))
      (jsonrpc-error
       (user-error "%s" (or (alist-get 'jsonrpc-error-message (cddr err)) (cadr err)))))))

(defun inhouse--read-agent ()
  "Ask for an agent; what each is for and where it would run stands beside it."
  (let* ((agents (append (inhouse--command "inhouse.agents" (make-hash-table)) nil))
         (known (mapcar (lambda (one) (cons (plist-get one :id) one)) agents))
         (completion-extra-properties
          (list :annotation-function
                (lambda (id)
                  (let* ((one (cdr (assoc id known))) (route (plist-get one :route)))
                    (format "  %s  (%s)" (plist-get one :description)
                            (if route
                                (format "%s, %s" (plist-get route :endpoint)
                                        (if (eq t (plist-get route :local)) "local" "remote"))
                              "nowhere")))))))
    (completing-read "Agent: " known nil t)))

(defun inhouse--start (argument)
  "Start a run with ARGUMENT, that of the command inhouse.run, and show it."
  (let* ((server (inhouse--server))
         (token (format "inhouse-emacs-%d" (cl-incf inhouse--serial)))
         (name (format "*inhouse %s %d*" (plist-get argument :agent) inhouse--serial))
         (buffer (get-buffer-create name)))
    (puthash token buffer inhouse--buffers)
    (with-current-buffer buffer
      (when (fboundp 'markdown-mode) (markdown-mode))
      (visual-line-mode)
      (setq inhouse--server-of-run server))
    (condition-case err
        (prog1 (inhouse--command "inhouse.run"
                                 (append (list :streamToken token
                                               :workDoneToken (concat token "-work"))
                                         argument))
          (display-buffer buffer))
      (error
       (remhash token inhouse--buffers)
       (kill-buffer buffer)
       (signal (car err) (cdr err))))))

(cl-defmethod eglot-execute :around ((_server inhouse-server) action)
  "Code actions that run an agent show it like every other run: ACTION."
  (let ((command (if (stringp (plist-get action :command)) action (plist-get action :command))))
    (if (equal (plist-get command :command) "inhouse.run")
        (inhouse--start (aref (plist-get command :arguments) 0))
      (cl-call-next-method))))

(defun inhouse-run (agent prompt)
  "Run AGENT with PROMPT on the region, or on this file."
  (interactive
   (list (inhouse--read-agent) (read-string "Prompt: ")))
  (let ((argument (list :agent agent :prompt prompt)))
    (when buffer-file-name
      (setq argument (plist-put argument :uri (eglot-path-to-uri buffer-file-name)))
      (when (use-region-p)
        (setq argument
              (plist-put argument :range
                         (list :start (eglot--pos-to-lsp-position (region-beginning))
                               :end (eglot--pos-to-lsp-position (region-end)))))))
    (inhouse--start argument)))

(defun inhouse-cancel ()
  "Cancel the newest run."
  (interactive)
  (let ((result (inhouse--command "inhouse.cancel" (make-hash-table))))
    (message (if (seq-empty-p (plist-get result :cancelled)) "Nothing is running" "Cancelled"))))

(defun inhouse-runs ()
  "Open the transcript of a run, also of one before the server was started again."
  (interactive)
  (let* ((runs (append (inhouse--command "inhouse.runs" '(:limit 50 :earlier t)) nil))
         (shown (mapcar (lambda (one)
                          (cons (format "%s  %s  %s" (plist-get one :agent) (plist-get one :status)
                                        (plist-get one :prompt))
                                (plist-get one :runId)))
                        runs)))
    (if (null runs)
        (message "There is no run yet")
      (inhouse--command "inhouse.transcript"
                        (list :runId (cdr (assoc (completing-read "Run: " shown nil t) shown)))))))

(unless (fboundp 'eglot-path-to-uri)
  (defalias 'eglot-path-to-uri #'eglot--path-to-uri))

(defun inhouse-setup ()
  "Let eglot start Inhouse in `inhouse-modes'."
  (add-to-list 'eglot-server-programs
               (cons inhouse-modes (cons 'inhouse-server inhouse-command)))
  (add-hook 'eglot-managed-mode-hook #'inhouse--tell-of-the-end))

(provide 'inhouse)
;;; inhouse.el ends here
