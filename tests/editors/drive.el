;;; drive.el -- what a person does with the keyboard  -*- lexical-binding: t -*-
;;; Run by test_emacs.py in a batch Emacs that has loaded the README's snippet: does the same with eglot, and
;;; writes what it saw to $SEEN as JSON.

(require 'eglot)
(require 'json)

(defvar seen nil)

;; A busy machine may take minutes; nothing is waited for without need.
(defconst patience 600)
(setq eglot-connect-timeout patience
      jsonrpc-default-request-timeout patience)

(defun note (name value)
  (push (cons name value) seen))

(defun wait (condition &optional seconds)
  "Until CONDITION gives something, which is returned; nil after SECONDS."
  (let ((deadline (+ (float-time) (or seconds patience))) found)
    (while (and (not (setq found (funcall condition))) (< (float-time) deadline))
      (accept-process-output nil 0.1))
    found))

;; The mode comes with a package or needs a grammar; eglot only needs its name.
(define-derived-mode rust-mode prog-mode "Rust")

(defun errors ()
  (seq-filter (lambda (one) (eq (flymake-diagnostic-type one) 'eglot-error)) (flymake-diagnostics)))

(defun hover ()
  "What eldoc would show at point; nil while there is nothing that cites."
  (let (shown)
    (eglot-hover-eldoc-function (lambda (text &rest _) (setq shown text)))
    (wait (lambda () shown) 5)
    (and shown (string-match-p "“" shown) (substring-no-properties shown))))

(defun proven ()
  "The first proven fix at point, of all that are offered."
  (let ((actions (append (ignore-errors (eglot-code-actions (point) (point) "quickfix")) nil)))
    (note 'titles (mapcar (lambda (action) (plist-get action :title)) actions))
    (seq-find (lambda (action) (string-match-p "\\[V[23]" (plist-get action :title))) actions)))

(defun text ()
  (buffer-substring-no-properties (point-min) (point-max)))

(defun drive ()
  (find-file (getenv "CRATE_FILE"))
  (rust-mode)
  ;; `eglot-ensure' connects after the command that opened the file; in batch there are no commands.
  (run-hooks 'post-command-hook)
  (unless (wait #'eglot-current-server) (error "not connected"))
  ;; Flymake, too, waits for the end of a command.
  (flymake-start)
  (note 'server (plist-get (eglot--server-info (eglot-current-server)) :name))
  (unless (wait #'errors) (error "no error is shown"))
  (note 'error (substring-no-properties (flymake-diagnostic-text (car (errors)))))
  (goto-char (flymake-diagnostic-beg (car (errors))))
  (note 'hover (wait #'hover))
  (let ((action (or (wait #'proven) (error "no proven fix"))))
    (note 'chosen (plist-get action :title))
    (undo-boundary)
    (eglot-execute (eglot-current-server) action)
    (note 'after_fix (text))
    (undo-boundary)
    (undo-only)
    (note 'after_undo (text))
    (undo-redo)
    (note 'after_redo (text)))
  (save-buffer)
  (note 'clean (and (wait (lambda () (null (errors)))) t))
  (let ((before (eglot-current-server)))
    (eglot-reconnect before)
    (unless (wait (lambda () (and (eglot-current-server) (not (eq (eglot-current-server) before)))))
      (error "not reconnected"))
    (note 'hover_again (wait #'hover)))
  (eglot-shutdown (eglot-current-server)))

(condition-case problem
    (drive)
  (error (note 'problem (error-message-string problem))))
(with-temp-file (getenv "SEEN") (insert (json-encode seen)))
