"""Addresses of people, sessions and mail."""

from django.urls import path

from people.views import erasing, factors, hours, mails, passwords, people, sessions

app_name = "people"
urlpatterns = [
    path("sign-in/", sessions.sign_in, name="sign-in"),
    path("sign-out/", sessions.sign_out, name="sign-out"),
    path("sign-in/code/", factors.sign_in_code, name="sign-in-code"),
    path("sign-in/set-up/", factors.factor_set_up, name="factor-set-up"),
    path("my-sign-in/", factors.my_factor, name="my-factor"),
    path("my-sign-in/recovery-codes/", factors.factor_renew, name="factor-renew"),
    path("my-sign-in/end/", factors.factor_end, name="factor-end"),
    path("people/<int:pk>/second-factor/reset/", factors.factor_reset, name="factor-reset"),
    path("password/forgotten/", passwords.forgotten, name="password-forgotten"),
    path("password/set/<uidb64>/<token>/", passwords.set_password, name="password-set"),
    path("my-hours/", hours.my_hours, name="my-hours"),
    path("my-language/", hours.my_language, name="my-language"),
    path("my-keys/", hours.my_keys, name="my-keys"),
    path("people/", people.person_list, name="person-list"),
    path("people/new/", people.person_create, name="person-create"),
    path("people/<int:pk>/", people.person_detail, name="person-detail"),
    path("people/<int:pk>/edit/", people.person_edit, name="person-edit"),
    path("people/<int:pk>/roles/", people.person_roles, name="person-roles"),
    path("people/<int:pk>/deactivate/", people.person_deactivate, name="person-deactivate"),
    path("people/<int:pk>/reactivate/", people.person_reactivate, name="person-reactivate"),
    path("people/<int:pk>/erase/", erasing.person_erase, name="person-erase"),
    path("people/<int:pk>/password-link/", people.person_link, name="person-link"),
    path("mails/", mails.mail_list, name="mail-list"),
    path("mails/<int:pk>/retry/", mails.mail_retry, name="mail-retry"),
]
