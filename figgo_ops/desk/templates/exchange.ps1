# figgo_ops: lets one service account write calendars in Exchange on premises, within one management scope.
# For the Exchange Management Shell of Exchange 2013, 2016, 2019 or Subscription Edition, run by a member of
# Organization Management who may also create accounts. Not for Exchange Online.
# Paste one section, read what it prints, then paste the next. Pasting a section twice does no harm.
# No password is in this script. Kept in a file, it must be saved as UTF-8 with a byte order mark.

# ==== Look: nothing is changed here ====

Set-ADServerSettings -ViewEntireForest $true

Get-ExchangeServer | Format-Table Name,ServerRole,AdminDisplayVersion -AutoSize

Get-User -Identity <account> -ErrorAction SilentlyContinue |
    Format-List Name,UserPrincipalName,RecipientTypeDetails

Get-ManagementScope | Where-Object { $_.Name -eq <scope> } |
    Format-List Name,Exclusive,RecipientRoot,RecipientFilter

# Whoever is listed here without a scope may open every mailbox already.
Get-ManagementRoleAssignment -Role 'ApplicationImpersonation' -Delegating $false -GetEffectiveUsers |
    Format-Table Name,EffectiveUserName,CustomRecipientWriteScope -AutoSize

# EwsEnabled must not be False. Where EwsApplicationAccessPolicy is EnforceAllowList, EwsAllowList needs figgo-ops*.
Get-OrganizationConfig | Format-List EwsEnabled,EwsApplicationAccessPolicy,EwsAllowList,EwsBlockList

# ==== The password of the service account, if there is no such account yet ====

# Long and random. It goes into the secret store of figgo_ops and nowhere else. Answer before you paste more.
$credential = Get-Credential -UserName <account> -Message 'A new password for the service account'

# ==== The service account, with a mailbox and a password that does not expire ====

Import-Module ActiveDirectory

$account = Get-User -Identity <account> -ErrorAction SilentlyContinue
$suffix = (Get-ADDomain -Identity <domain>).DNSRoot

# Exchange 2013 needs a mailbox for an account that impersonates; later versions work with one as well.
if (-not $account -and -not $credential) {
    Write-Warning 'There is no such account. Paste section 2, then this one again. Nothing was created.'
} elseif (-not $account -and -not $suffix) {
    Write-Warning 'There is no such domain. Nothing was created.'
} elseif (-not $account) {
    $logon = @{ UserPrincipalName = <short> + '@' + $suffix; Password = $credential.Password }
    New-Mailbox -Name <short> -SamAccountName <short> @logon -ResetPasswordOnNextLogon $false
} elseif ($account.RecipientType -eq 'User') {
    Enable-Mailbox -Identity $account.DistinguishedName
} elseif ($account.RecipientType -ne 'UserMailbox') {
    Write-Warning 'The account has its mailbox elsewhere. Exchange 2013 needs one here: choose another account.'
}

Remove-Variable credential -ErrorAction SilentlyContinue

# If the account is not found now, the domain controllers are not even yet: wait a minute, paste this section again.
Set-ADUser -Identity <short> -Server <domain> -PasswordNeverExpires $true -CannotChangePassword $true

# PasswordExpires must say never. A fine-grained password policy would show here.
$expiry = 'msDS-UserPasswordExpiryTimeComputed'
$dates = 'LockedOut','PasswordExpired','PasswordLastSet','AccountExpirationDate'
$user = Get-ADUser -Identity <short> -Server <domain> -Properties ($dates + $expiry)
if ($user.$expiry -eq [int64]::MaxValue) {
    $expires = 'never'
} elseif ($user.$expiry -gt 0) {
    $expires = [datetime]::FromFileTime($user.$expiry)
} else {
    $expires = 'must be changed at the next log-on'
}

$user | Format-List (@('Enabled') + $dates + @{ n = 'PasswordExpires'; e = { $expires } })

# ==== The scope: members of a group ====

Set-ADServerSettings -ViewEntireForest $true

$scope = Get-ManagementScope | Where-Object { $_.Name -eq <scope> }
$found = @(Get-DistributionGroup -ResultSize Unlimited -Filter <group>)
$found | Format-List Name,DistinguishedName

# Only direct members count. A group that is moved or renamed is another one: paste this section again then.
if ($found.Count -ne 1) {
    Write-Warning ('There are {0} such groups, and exactly one is needed.' -f $found.Count)
    Write-Warning 'It has to be a distribution group or a mail-enabled security group. Nothing was changed.'
} elseif (-not $scope) {
    $filter = "MemberOfGroup -eq '" + $found[0].DistinguishedName.Replace("'", "''") + "'"
    New-ManagementScope -Name <scope> -RecipientRestrictionFilter $filter
} elseif ($scope.RecipientRoot) {
    Write-Warning 'A scope of that name is for an organizational unit: withdraw it first. Nothing was changed.'
} else {
    $filter = "MemberOfGroup -eq '" + $found[0].DistinguishedName.Replace("'", "''") + "'"
    Set-ManagementScope -Identity <scope> -RecipientRestrictionFilter $filter
}

Get-ManagementScope | Where-Object { $_.Name -eq <scope> } |
    Format-List Name,Exclusive,RecipientRoot,RecipientFilter

# ==== The scope: an organizational unit ====

Set-ADServerSettings -ViewEntireForest $true

$scope = Get-ManagementScope | Where-Object { $_.Name -eq <scope> }
$found = @(Get-OrganizationalUnit -Identity <unit> -ErrorAction SilentlyContinue)
$found | Format-List Name,DistinguishedName

if ($found.Count -ne 1) {
    Write-Warning ('There are {0} such units, and exactly one is needed. Nothing was changed.' -f $found.Count)
} elseif (-not $scope) {
    $filter = 'RecipientType -eq ''UserMailbox'''
    New-ManagementScope -Name <scope> -RecipientRoot $found[0].DistinguishedName -RecipientRestrictionFilter $filter
} else {
    $filter = 'RecipientType -eq ''UserMailbox'''
    Set-ManagementScope -Identity <scope> -RecipientRoot $found[0].DistinguishedName -RecipientRestrictionFilter $filter
}

Get-ManagementScope | Where-Object { $_.Name -eq <scope> } |
    Format-List Name,Exclusive,RecipientRoot,RecipientFilter

# ==== The role, within that scope only ====

$role = 'ApplicationImpersonation'
$account = Get-User -Identity <account> -ErrorAction SilentlyContinue
$scope = @(Get-ManagementScope | Where-Object { $_.Name -eq <scope> })
$held = @(Get-ManagementRoleAssignment -Role $role | Where-Object { $_.Name -eq <assignment> })

if (-not $account) {
    Write-Warning 'There is no such account: paste sections 2 and 3 first. Nothing was changed.'
} elseif ($scope.Count -ne 1) {
    Write-Warning 'There is no such scope, and without it the role would open every mailbox.'
    Write-Warning 'Paste section 4 first. Nothing was changed.'
} elseif ($held.Count -eq 0) {
    New-ManagementRoleAssignment -Name <assignment> -Role $role -User <account> -CustomRecipientWriteScope <scope>
} elseif ($held[0].RoleAssigneeName -ne $account.Name) {
    Write-Warning 'Another account holds a role assignment of that name: withdraw it first. Nothing was changed.'
} else {
    Set-ManagementRoleAssignment -Identity <assignment> -CustomRecipientWriteScope <scope>
}

# The servers remember roles for a while: give it an hour before you look for another cause of a refusal.
# Whoever cannot wait runs this on each server, which interrupts EWS for everybody for a moment:
# Restart-WebAppPool MSExchangeServicesAppPool

# ==== The log-on method of Exchange Web Services ====

# Keep what this prints: it is how things were before.
$directories = @(Get-WebServicesVirtualDirectory)
$directories | Format-List Identity,InternalUrl,ExternalUrl,*Authentication,ExtendedProtectionTokenChecking

# Where Extended Protection is required, NTLM passes no device that ends TLS on the way.
foreach ($directory in $directories) {
    if (-not $directory.<method>) {
        Set-WebServicesVirtualDirectory -Identity "$($directory.Identity)" -<method> $true
    }
}

# ==== The certificate: nothing is changed here ====

# Needed: IsSelfSigned False, issued by a public authority or by the company's own, NotAfter ahead, Status Valid,
# and among CertificateDomains the name below (or a wildcard for it). Exchange installs with a self-signed one:
# replace it with Import-ExchangeCertificate, then Enable-ExchangeCertificate -Services IIS.
Write-Host 'The certificate must be for' <host>

$servers = @(Get-ExchangeServer | Where-Object { "$($_.ServerRole)" -notmatch 'Edge' })
foreach ($server in $servers) {
    Write-Host $server.Name
    Get-ExchangeCertificate -Server $server.Name | Where-Object { "$($_.Services)" -match 'IIS' } |
        Format-List Subject,Issuer,CertificateDomains,IsSelfSigned,NotAfter,Status,Thumbprint
}

# What a client meets, load balancer included. The right answer here is (401) Unauthorized.
try {
    Invoke-WebRequest -UseBasicParsing -Uri <url>
} catch {
    $_.Exception.Message
}

# ==== Verify: nothing is changed here ====

Set-ADServerSettings -ViewEntireForest $true

# Expected: one line for the service account, with its scope beside it.
$role = 'ApplicationImpersonation'
Get-ManagementRoleAssignment -Role $role -Delegating $false -GetEffectiveUsers |
    Format-Table Name,EffectiveUserName,CustomRecipientWriteScope -AutoSize

$all = @(Get-ManagementRoleAssignment -RoleAssignee <account> -Role $role -Delegating $false)
$others = @($all | Where-Object { $_.Name -ne <assignment> })
if ($others.Count -gt 0) {
    Write-Warning 'The account holds the role a second time, and the wider of the two counts:'
    $others | Format-Table Name,RoleAssigneeName,CustomRecipientWriteScope -AutoSize
}

# Who is in the scope. A RemoteUserMailbox is in Exchange Online and cannot be written from here.
$inside = @()
$scope = @(Get-ManagementScope | Where-Object { $_.Name -eq <scope> })
if ($scope.Count -ne 1) {
    Write-Warning 'There is no such scope: paste section 4 first.'
} elseif ($scope[0].RecipientRoot) {
    $root = "$($scope[0].RecipientRoot)"
    $filter = $scope[0].RecipientFilter
    $inside = @(Get-Recipient -ResultSize Unlimited -RecipientPreviewFilter $filter -OrganizationalUnit $root)
} else {
    $inside = @(Get-Recipient -ResultSize Unlimited -RecipientPreviewFilter $scope[0].RecipientFilter)
}

$inside | Format-Table DisplayName,PrimarySmtpAddress,RecipientTypeDetails -AutoSize
Write-Host $inside.Count 'recipients are in the scope.'

# The service account must not be among those who may write to a mailbox outside its scope. Answer, then read.
Get-ManagementRoleAssignment -Role $role -Delegating $false -GetEffectiveUsers -WritableRecipient (
    Read-Host 'Mail address of somebody outside the scope')

# ==== Throttling, only if Exchange slows figgo_ops down: asks first ====

# Only these values differ from the usual policy, and only for the service account.
if ((Read-Host 'Type yes to lift the limits of the service account') -eq 'yes') {
    $policy = @(Get-ThrottlingPolicy | Where-Object { $_.Name -eq <policy> })
    if ($policy.Count -eq 0) {
        $limits = @{ EwsCutoffBalance = 'Unlimited'; EwsMaxBurst = 'Unlimited'; EwsRechargeRate = 'Unlimited' }
        New-ThrottlingPolicy -Name <policy> -ThrottlingPolicyScope Regular @limits
    }
    Set-ThrottlingPolicyAssociation -Identity <account> -ThrottlingPolicy <policy>
    Get-ThrottlingPolicyAssociation -Identity <account> | Format-List Name,ThrottlingPolicyId
}

# ==== Withdraw all of it: asks first ====

# Off-board the tenant before: without the role, figgo_ops cannot take its events out of the calendars any more.
# A scope can go once no role needs it, a policy once no account has it. The account is disabled and stays; so does
# the log-on method, because others may use it by now.
if ((Read-Host 'Type withdraw to take the role from the service account and disable it') -eq 'withdraw') {
    $role = 'ApplicationImpersonation'
    $held = @(Get-ManagementRoleAssignment -Role $role | Where-Object { $_.Name -eq <assignment> })
    if ($held.Count -gt 0) {
        Remove-ManagementRoleAssignment -Identity <assignment> -Confirm:$false
    }
    $scope = @(Get-ManagementScope | Where-Object { $_.Name -eq <scope> })
    if ($scope.Count -gt 0) {
        Remove-ManagementScope -Identity <scope> -Confirm:$false
    }
    $account = Get-User -Identity <account> -ErrorAction SilentlyContinue
    $policy = @(Get-ThrottlingPolicy | Where-Object { $_.Name -eq <policy> })
    if ($policy.Count -gt 0 -and $account) {
        Set-ThrottlingPolicyAssociation -Identity <account> -ThrottlingPolicy $null
    }
    if ($policy.Count -gt 0) {
        Remove-ThrottlingPolicy -Identity <policy> -Confirm:$false
    }
    if ($account) {
        Import-Module ActiveDirectory
        Disable-ADAccount -Identity <short> -Server <domain>
    }
}
