# figgo_ops: lets one service account write leaves into the calendars of a Google Workspace.
# For Cloud Shell (console.cloud.google.com), which is bash with gcloud, signed in as a super administrator who may
# create projects. The Admin console has no commands: section 7 prints what is typed there.
# Paste one section, read what it prints, then paste the next. Pasting a section twice does no harm.
# No secret is in this script. Section 6 makes one, the key file of the service account.

# ==== Look: nothing is changed here ====

# Somebody who is a super administrator. Whoever cannot list anything below may be signed in as somebody else.
gcloud config get-value account --quiet

# What is not there yet is answered with NOT_FOUND or PERMISSION_DENIED, and so is a project id that others have taken.
gcloud projects describe <project> --format='table(projectId,lifecycleState,parent.type,parent.id)' --quiet

gcloud services list --enabled --project=<project> --filter='config.name=calendar-json.googleapis.com' --quiet

gcloud iam service-accounts describe <email> --format='table(email,uniqueId,disabled)' --quiet

gcloud iam service-accounts keys list --iam-account=<email> --managed-by=user --quiet

# ==== The project ====

# A project of its own: whoever may administer it can take the place of the service account.
state="$(gcloud projects describe <project> --format='value(lifecycleState)' --quiet 2>/dev/null)"
if [ "$state" = ACTIVE ]; then
    echo 'The project is there. Nothing was changed.'
elif [ -n "$state" ]; then
    echo 'WARNING: The project is being deleted: restore it, or choose another id. Nothing was changed.'
else
    gcloud projects create <project> --quiet
fi

# ==== The programming interfaces ====

# That for calendars, and the one that makes service accounts. Both cost nothing, and act after some minutes.
state="$(gcloud projects describe <project> --format='value(lifecycleState)' --quiet)"
if [ "$state" = ACTIVE ]; then
    gcloud services enable calendar-json.googleapis.com iam.googleapis.com --project=<project> --quiet
else
    echo 'WARNING: There is no such project: paste section 2 first. Nothing was changed.'
fi

# ==== The service account ====

# It gets no role in the project: what it may do comes from the Admin console alone.
state="$(gcloud projects describe <project> --format='value(lifecycleState)' --quiet)"
if gcloud iam service-accounts describe <email> --quiet >/dev/null 2>&1; then
    echo 'The service account is there. Nothing was changed.'
elif [ "$state" = ACTIVE ]; then
    gcloud iam service-accounts create <account> --project=<project> --display-name=<title> --quiet
else
    echo 'WARNING: There is no such project: paste sections 2 and 3 first. Nothing was changed.'
fi

# If the account is not found now, Google is not even yet: wait a minute, paste this section again.
gcloud iam service-accounts describe <email> --format='table(email,uniqueId,disabled)' --quiet

# ==== An exception, if a policy refuses keys: asks first ====

# Only if section 6 was refused. It takes an Organization Policy Administrator, is for this project alone, and
# section 8 takes it back: keys that were made before stay valid.
if read -r -p 'Type exception to allow keys in this project: ' answer && [ "$answer" = exception ]; then
    gcloud services enable orgpolicy.googleapis.com --project=<project> --quiet
    policy="$(mktemp)"
    for constraint in iam.disableServiceAccountKeyCreation iam.managed.disableServiceAccountKeyCreation; do
        if ! enforced="$(gcloud org-policies describe "$constraint" --project=<project> --effective --format='value(spec.rules[].enforce)' --billing-project=<project> --quiet)"; then
            echo "WARNING: $constraint could not be read. Nothing was changed."
        elif [ "$enforced" = "${enforced#*True}" ]; then
            echo "$constraint does not refuse keys here. Nothing was changed."
        else
            printf 'name: projects/%s/policies/%s\nspec:\n  rules:\n  - enforce: false\n' <project> "$constraint" >"$policy"
            gcloud org-policies set-policy "$policy" --billing-project=<project> --quiet
        fi
    done
    rm -f "$policy"
fi

# ==== The key: asks first ====

# The file that this makes is the secret. It goes to figgo_ops by a way made for secrets, never by mail or chat.
if read -r -p 'Type key to make a key of the service account: ' answer && [ "$answer" = key ]; then
    if [ -e <file> ]; then
        echo 'WARNING: There is a file of that name already: hand it over or remove it first. Nothing was changed.'
    elif (umask 077 && gcloud iam service-accounts keys create <file> --iam-account=<email> --quiet); then
        echo 'Take the file out of Cloud Shell (More > Download), hand it over, then remove it here:'
        echo 'rm' <shown>
    else
        echo 'WARNING: No key was made. Where disableServiceAccountKeyCreation is named, section 5 makes an exception.'
    fi
fi

# ==== For the Admin console: nothing is changed here ====

# No command can do this step. The client ID is the number, not the address of the account.
client="$(gcloud iam service-accounts describe <email> --format='value(uniqueId)' --quiet)"
if [ -z "$client" ]; then
    echo 'WARNING: There is no such service account: paste section 4 first.'
else
    echo 'Client ID     ' "$client"
    echo 'OAuth scopes  ' <scope>
fi

# ==== The end of the exception: asks first ====

# Only after section 5, once the key is made. The project follows the policy of the organization again.
if read -r -p 'Type end to take the exception back: ' answer && [ "$answer" = end ]; then
    for constraint in iam.disableServiceAccountKeyCreation iam.managed.disableServiceAccountKeyCreation; do
        if gcloud org-policies describe "$constraint" --project=<project> --billing-project=<project> --quiet >/dev/null 2>&1; then
            gcloud org-policies delete "$constraint" --project=<project> --billing-project=<project> --quiet
        fi
    done
fi

# ==== Verify: nothing is changed here ====

# Expected: the interface for calendars, one account that is not disabled, and one key with its last day.
gcloud services list --enabled --project=<project> --filter='config.name=calendar-json.googleapis.com' --quiet

gcloud iam service-accounts describe <email> --format='table(email,uniqueId,disabled)' --quiet

gcloud iam service-accounts keys list --iam-account=<email> --managed-by=user --quiet

# Whoever is listed as owner, or may make keys or tokens, can act as anybody whom the account can act as.
gcloud projects get-iam-policy <project> --flatten='bindings[].members' --format='table(bindings.role,bindings.members)' --quiet

# ==== A key that is in use no more: asks first ====

# Renewing: paste section 6, have figgo_ops use the new key, see a run succeed, and only then this.
gcloud iam service-accounts keys list --iam-account=<email> --managed-by=user --quiet

keys="$(gcloud iam service-accounts keys list --iam-account=<email> --managed-by=user --format='value(name.basename())' --quiet)"
if read -r -p 'Type the id of the key to delete: ' answer && [ -n "$answer" ]; then
    if ! printf '%s\n' "$keys" | grep -qxF -e "$answer"; then
        echo 'WARNING: There is no such key. Nothing was changed.'
    elif [ "$(printf '%s\n' "$keys" | wc -l)" -lt 2 ]; then
        echo 'WARNING: It is the only key: without it, figgo_ops is locked out. Nothing was changed.'
    else
        gcloud iam service-accounts keys delete "$answer" --iam-account=<email> --quiet
    fi
fi

# ==== Withdraw all of it: asks first ====

# Off-board the tenant before: without its key, figgo_ops cannot take its events out of the calendars any more.
# Take the client ID out of the Admin console first. The project stays: shut it down if nothing else is in it. For
# 30 days the account can be brought back by its number: gcloud iam service-accounts undelete.
if read -r -p 'Type withdraw to delete the service account and its keys: ' answer && [ "$answer" = withdraw ]; then
    gcloud iam service-accounts describe <email> --format='value(uniqueId)' --quiet && gcloud iam service-accounts delete <email> --quiet
fi
