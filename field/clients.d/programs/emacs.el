;; -*- lexical-binding: t -*- SPDX-License-Identifier: MIT
;; websocket.el: emacs --batch -l emacs.el URL AUTH
(require 'websocket)
(defvar say "{\"type\":\"field.say\",\"data\":")
(defvar done nil)
(defun put (&rest words)
  (princ (concat (mapconcat (lambda (w) (format "%s" w)) words " ") "\n")))
(let ((url (pop command-line-args-left))
      (auth (pop command-line-args-left)))
  (websocket-open
   url
   :on-open (lambda (socket) (websocket-send-text socket auth))
   :on-message
   (lambda (socket frame)
     (let ((text (websocket-frame-text frame)))
       (put "got" (string-bytes text))
       (when (string-prefix-p say text)
         (websocket-send-text socket (substring text (length say) -1)))
       (when (string-prefix-p "{\"type\":\"field.bye\"" text)
         (websocket-close socket))))
   :on-error (lambda (_ kind error) (put "error" kind error))
   :on-close (lambda (_) (put "closed" "without code") (setq done t))))
(while (not done) (accept-process-output nil 1))
