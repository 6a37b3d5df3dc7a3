;;; inhouse.el --- Run AI agents through eglot -*- lexical-binding: t -*-

;; Version: 0.1
;; Package-Requires: ((emacs "29.1"))
;; SPDX-License-Identifier: Apache-2.0

;;; Commentary:

;; (require 'inhouse) and (inhouse-setup); then M-x eglot in a file of the project,
;; M-x inhouse-run and M-x inhouse-cancel.

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

(defvar inhouse--serial 0)
(defvar inhouse--buffers (make-hash-table :test #'equal) "Stream token to transcript buffer.")

(defclass inhouse-server (eglot-lsp-server) () :documentation "The Inhouse server.")

(cl-defmethod eglot-initialization-options ((_server inhouse-server))
  "Hand over the settings."
  (if inhouse-settings (list :inhouse inhouse-settings) (make-hash-table)))

(cl-defmethod eglot-handle-notification :around
  ((_server inhouse-server) (_method (eql $/progress)) &rest params)
  "Take the events of our own runs; leave the rest to eglot."
  (let* ((token (plist-get params :token))
         (events (plist-get (plist-get params :value) :events))
         (buffer (gethash token inhouse--buffers)))
    (if (and buffer events)
        (mapc (lambda (event) (inhouse--show buffer event)) events)
      (cl-call-next-method))))

(defun inhouse--show (buffer event)
  "Show EVENT of a run in BUFFER."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (let ((inhibit-read-only t) (following (= (point) (point-max))))
        (save-excursion
          (goto-char (point-max))
          (pcase (plist-get event :kind)
            ((guard (plist-get event :parent)) nil)
            ("text" (insert (plist-get event :delta)))
            ("tool_call" (insert (format "\n`%s` …\n" (plist-get event :tool))))
            ("notice" (insert (format "\n> %s\n" (plist-get event :message))))
            ("finish"
             (let* ((result (plist-get event :result)) (err (plist-get result :error)))
               (when err (insert (format "\n\n**%s**" (plist-get err :message))))
               (insert (format "\n\n*%s*\n" (plist-get result :status)))))))
        (when following (goto-char (point-max)))))))

(defun inhouse--server ()
  "Give this buffer's server, or say how to start it."
  (let ((server (eglot-current-server)))
    (unless (object-of-class-p server 'inhouse-server)
      (user-error "Inhouse is not running here; M-x eglot starts it"))
    server))

(defun inhouse--command (name argument)
  "Execute the command NAME with ARGUMENT and give its result."
  (jsonrpc-request (inhouse--server) :workspace/executeCommand
                   (list :command name :arguments (vector argument))))

(defun inhouse-run (agent prompt)
  "Run AGENT with PROMPT on the region, or on this file."
  (interactive
   (let ((agents (append (inhouse--command "inhouse.agents" (make-hash-table)) nil)))
     (list (completing-read "Agent: " (mapcar (lambda (one) (plist-get one :id)) agents) nil t)
           (read-string "Prompt: "))))
  (let* ((server (inhouse--server))
         (token (format "inhouse-emacs-%d" (cl-incf inhouse--serial)))
         (buffer (get-buffer-create (format "*inhouse %s %d*" agent inhouse--serial)))
         (argument (list :agent agent :prompt prompt :streamToken token)))
    (when buffer-file-name
      (setq argument (plist-put argument :uri (eglot-path-to-uri buffer-file-name)))
      (when (use-region-p)
        (setq argument
              (plist-put argument :range
                         (list :start (eglot--pos-to-lsp-position (region-beginning))
                               :end (eglot--pos-to-lsp-position (region-end)))))))
    (puthash token buffer inhouse--buffers)
    (with-current-buffer buffer (when (fboundp 'markdown-mode) (markdown-mode)))
    (display-buffer buffer)
    (jsonrpc-request server :workspace/executeCommand
                     (list :command "inhouse.run" :arguments (vector argument)))))

(defun inhouse-cancel ()
  "Cancel the newest run."
  (interactive)
  (inhouse--command "inhouse.cancel" (make-hash-table))
  (message "Cancelled"))

(unless (fboundp 'eglot-path-to-uri)
  (defalias 'eglot-path-to-uri #'eglot--path-to-uri))

(defun inhouse-setup ()
  "Let eglot start Inhouse in `inhouse-modes'."
  (add-to-list 'eglot-server-programs
               (cons inhouse-modes (cons 'inhouse-server inhouse-command))))

(provide 'inhouse)
;;; inhouse.el ends here
